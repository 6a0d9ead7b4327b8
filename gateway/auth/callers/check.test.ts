import assert from "node:assert/strict";
import { test } from "node:test";
import { LambdaError } from "../../http/errors.ts";
import { InvalidToken, IssuerAway } from "../tokens/invalid-token.ts";
import { type CallerCheck, CallerChecks, type CallerRequest } from "./check.ts";
import { closedCheck } from "./closed.ts";
import { loopbackCheck, openCheck } from "./loopback.ts";
import { ApiKeyCheck, TokenCheck } from "./token.ts";

const request = (headers: CallerRequest["headers"] = {}, remoteAddress = "192.0.2.1"): CallerRequest => ({
  method: "POST",
  url: "/2015-03-31/functions/hello/invocations",
  headers,
  remoteAddress,
});
const named = (name: string) => (error: unknown) => error instanceof LambdaError && error.name === name;

for (const [address, headers, isLetIn] of [
  ["127.0.0.1", {}, true],
  ["127.8.9.10", {}, true],
  ["::1", {}, true],
  ["::ffff:127.0.0.1", {}, true],
  ["192.0.2.1", {}, false],
  ["::ffff:192.0.2.1", {}, false],
  ["2001:db8::1", {}, false],
  ["", {}, false],
  ["127.0.0.1", { "x-forwarded-for": "192.0.2.1" }, false],
  ["127.0.0.1", { forwarded: "for=192.0.2.1" }, false],
  ["127.0.0.1", { "x-forwarded-host": "api.example.com" }, false],
  ["127.0.0.1", { "x-real-ip": "192.0.2.1" }, false],
  ["127.0.0.1", { via: "1.1 proxy" }, false],
  ["127.0.0.1", { origin: "http://localhost:8080" }, true],
  ["127.0.0.1", { origin: "http://127.0.0.1:3000" }, true],
  ["127.0.0.1", { origin: "http://[::1]:3000" }, true],
  ["127.0.0.1", { origin: "https://evil.example" }, false],
  ["127.0.0.1", { origin: "http://127.0.0.1.evil.example" }, false],
  ["127.0.0.1", { origin: "http://localhost.evil.example" }, false],
  ["127.0.0.1", { origin: "null" }, false],
] as const) {
  test(`L7: auto, in development: ${address || "no address"} ${JSON.stringify(headers)} is ${isLetIn ? "let in" : "asked"}`, () => {
    assert.equal(loopbackCheck.check(request(headers, address)) !== undefined, isLetIn);
  });
}

test("L7: the first check that knows the credentials decides; a refusal is final", async () => {
  const asked: string[] = [];
  const check = (name: string, result: () => ReturnType<CallerCheck["check"]>): CallerCheck => ({
    check: () => {
      asked.push(name);
      return result();
    },
  });
  const worker = { kind: "worker", name: "hello-0" } as const;
  const refusing = check("refusing", () => {
    throw new LambdaError("InvalidSignatureException", "no");
  });
  const gate = new CallerChecks([
    check("a", () => undefined),
    check("b", async () => undefined),
    check("c", () => worker),
    refusing,
  ]);
  assert.equal(await gate.admit(request()), worker);
  assert.deepEqual(asked, ["a", "b", "c"]);
  const first = new CallerChecks([refusing, openCheck]);
  assert.throws(() => first.admit(request()), named("InvalidSignatureException"));
});

test("L7: where nobody knows the credentials, it depends on whether there are any", async () => {
  const gate = new CallerChecks([{ check: () => undefined }]);
  assert.throws(() => gate.admit(request()), named("MissingAuthenticationTokenException"));
  for (const shown of [{ authorization: "Basic x" }, { "x-api-key": "x" }]) {
    assert.throws(() => gate.admit(request(shown)), named("UnrecognizedClientException"));
  }
  const presigned = { ...request(), url: "/2015-03-31/functions/hello/invocations?X-Amz-Credential=x" };
  assert.throws(() => gate.admit(presigned), named("UnrecognizedClientException"));
});

test("L7: open lets in everybody, off nobody but those whose check comes before", async () => {
  assert.equal((await new CallerChecks([openCheck]).admit(request())) !== undefined, true);
  assert.throws(() => new CallerChecks([closedCheck]).admit(request({}, "127.0.0.1")), named("AccessDeniedException"));
  const worker: CallerCheck = { check: () => ({ kind: "worker", name: "hello-0" }) };
  assert.ok(await new CallerChecks([worker, closedCheck]).admit(request()));
});

const tokens = new TokenCheck({
  remembered: () => undefined,
  async verify(token) {
    if (token === "good") return { claims: { sub: "u", "cognito:username": "ada" }, scopes: undefined };
    if (token === "away") throw new IssuerAway("no keys");
    throw new InvalidToken("no", { expired: token === "old" });
  },
});

test("L7: a token in Authorization: Bearer; expired, wrong, and not to be judged now are told apart", async () => {
  const bearer = (token: string) => Promise.resolve(tokens.check(request({ authorization: `Bearer ${token}` })));
  assert.deepEqual(await bearer("good"), { kind: "token", name: "ada" });
  await assert.rejects(bearer("old"), named("ExpiredTokenException"));
  await assert.rejects(bearer("bad"), named("UnrecognizedClientException"));
  await assert.rejects(bearer("away"), (error) => error instanceof LambdaError && error.status === 503);
  assert.equal(tokens.check(request({ authorization: "good" })), undefined);
});

test("L7: an API key; a wrong one is nobody's", () => {
  const check = new ApiKeyCheck((key) => (key === "right" ? { id: "shop", sha256: "" } : undefined));
  assert.deepEqual(check.check(request({ "x-api-key": "right" })), { kind: "api-key", name: "shop" });
  assert.equal(check.check(request({ "x-api-key": "wrong" })), undefined);
  const known = new ApiKeyCheck(() => ({ id: "development", sha256: "", isWellKnown: true }));
  assert.deepEqual(known.check(request({ "x-api-key": "known" })), { kind: "api-key", name: "development" });
  assert.equal(known.check(request({ "x-api-key": "known", "x-forwarded-for": "192.0.2.1" })), undefined);
  assert.equal(check.check(request()), undefined);
});
