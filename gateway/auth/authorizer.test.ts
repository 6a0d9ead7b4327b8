import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../apigateway/errors.ts";
import { bearerToken, RouteAuthorizer } from "./authorizer.ts";
import { InvalidToken, IssuerAway } from "./tokens/invalid-token.ts";

const verified = { claims: { sub: "u" }, scopes: ["read"] };
const known = new Set<string>();
const authorizer = new RouteAuthorizer(
  {
    remembered: (token) => (known.has(token) ? verified : undefined),
    async verify(token) {
      if (token === "good") return verified;
      if (token === "away") throw new IssuerAway("no keys");
      if (token === "broken") throw new RangeError("a mistake of ours");
      throw new InvalidToken("its signature is wrong");
    },
  },
  (key) => (key === "the-right-key" ? { id: "shop", sha256: "" } : undefined),
);
const header = (headers: Record<string, string>) => (name: string) => headers[name];

test("G2: auth none asks for nothing", () => {
  assert.deepEqual(authorizer.authorize("none", header({})), { kind: "none" });
});

test("G2: auth jwt takes a token with and without Bearer; claims and scopes come along", async () => {
  for (const authorization of ["good", "Bearer good", "bearer  good", "BEARER good "]) {
    assert.deepEqual(await authorizer.authorize("jwt", header({ authorization })), { kind: "jwt", ...verified });
  }
});

test("G2: a token that is remembered is let in at once, without a promise", () => {
  known.add("again");
  assert.ok(!(authorizer.authorize("jwt", header({ authorization: "Bearer again" })) instanceof Promise));
});

const refusal = (code: string) => (error: unknown) => error instanceof ApiError && error.code === code;

test("G2: a token that is missing or wrong is 401 Unauthorized, without the reason", async () => {
  for (const headers of [
    {},
    { authorization: "" },
    { authorization: "Bearer" },
    { authorization: "Bearer " },
    { authorization: "bad" },
  ]) {
    await assert.rejects(
      async () => authorizer.authorize("jwt", header(headers)),
      (error) => {
        assert.ok(error instanceof ApiError);
        assert.deepEqual([error.status("1.0"), error.body("1.0")], [401, '{"message":"Unauthorized"}']);
        assert.deepEqual([error.status("2.0"), error.body("2.0")], [401, '{"message":"Unauthorized"}']);
        return true;
      },
    );
  }
});

test("G2: a token that cannot be judged now is 503 with Retry-After; a mistake of ours stays one", async () => {
  await assert.rejects(
    async () => authorizer.authorize("jwt", header({ authorization: "away" })),
    (error) => {
      return refusal("UNAVAILABLE")(error) && error instanceof ApiError && error.retryAfterSeconds === 5;
    },
  );
  await assert.rejects(async () => authorizer.authorize("jwt", header({ authorization: "broken" })), RangeError);
});

test("G2: auth api-key takes a key; none or a wrong one is 403 Forbidden", () => {
  const authorized = authorizer.authorize("api-key", header({ "x-api-key": "the-right-key" }));
  assert.deepEqual(authorized, { kind: "api-key", key: "the-right-key", keyId: "shop" });
  for (const headers of [{}, { "x-api-key": "" }, { "x-api-key": "another" }, { authorization: "good" }]) {
    assert.throws(() => authorizer.authorize("api-key", header(headers)), refusal("FORBIDDEN"));
  }
});

test("what is in an Authorization header", () => {
  for (const [value, token] of [
    [undefined, undefined],
    ["", undefined],
    ["Bearer a.b.c", "a.b.c"],
    ["a.b.c", "a.b.c"],
    ["Basic a", "Basic a"],
  ] as const) {
    assert.equal(bearerToken(value), token);
  }
});
