import assert from "node:assert/strict";
import { test } from "node:test";
import { Credentials, merge, sha256 } from "./credentials.ts";
import { environmentCredentials, refuseDevelopmentValues, withDevelopmentValues } from "./environment.ts";

const none = {
  ESB_API_KEY: undefined,
  ESB_AUTH_USER: undefined,
  ESB_AUTH_PASSWORD: undefined,
  ESB_AWS_ACCESS_KEY_ID: undefined,
  ESB_AWS_SECRET_ACCESS_KEY: undefined,
};

test("G2: nothing is set, nobody is known; in development the well-known values are", () => {
  const lists = environmentCredentials(none);
  assert.deepEqual(new Credentials(lists).counts, { apiKeys: 0, users: 0, accessKeys: 0 });
  const development = new Credentials(withDevelopmentValues(lists));
  assert.equal(development.apiKey("esb-development-key")?.id, "development");
  assert.deepEqual(development.user("developer")?.password, { plain: "developer" });
  assert.equal(development.counts.accessKeys, 0);
});

test("G2: what is set takes the place of the well-known value, also in development", () => {
  const settings = {
    ...none,
    ESB_API_KEY: "one-of-our-own-keys",
    ESB_AUTH_USER: "ada",
    ESB_AUTH_PASSWORD: "swordfish",
  };
  const credentials = new Credentials(withDevelopmentValues(environmentCredentials(settings)));
  assert.equal(credentials.apiKey("esb-development-key"), undefined);
  assert.equal(credentials.user("developer"), undefined);
  assert.equal(credentials.apiKey("one-of-our-own-keys")?.id, "environment");
});

test("G2: what everybody knows is refused where others can reach the gateway, whichever way it is told", () => {
  refuseDevelopmentValues(environmentCredentials({ ...none, ESB_API_KEY: "one-of-our-own-keys" }));
  const known = environmentCredentials({ ...none, ESB_API_KEY: "esb-development-key" });
  assert.throws(() => refuseDevelopmentValues(known), /the API key esb-development-key: everybody knows it/);
  const hashed = { ...known, apiKeys: [{ id: "shop", sha256: sha256("esb-development-key") }] };
  assert.throws(() => refuseDevelopmentValues(hashed), /everybody knows it/);
  const user = environmentCredentials({ ...none, ESB_AUTH_USER: "ada", ESB_AUTH_PASSWORD: "developer" });
  assert.throws(() => refuseDevelopmentValues(user), /the password of ada: everybody knows it/);
});

for (const half of [
  { ESB_AUTH_USER: "ada" },
  { ESB_AUTH_PASSWORD: "swordfish" },
  { ESB_AWS_ACCESS_KEY_ID: "AKIAIOSFODNN7EXAMPLE" },
  { ESB_AWS_SECRET_ACCESS_KEY: "wJalrXUtnFEMI/K7MDENG" },
]) {
  const [[given, secret] = ["", ""]] = Object.entries(half);
  test(`half of a pair stops the start: ${given}`, () => {
    assert.throws(
      () => environmentCredentials({ ...none, ...half }),
      (error: Error) => error.message.startsWith(`${given} is set and ESB_`) && !error.message.includes(secret),
    );
  });
}

test("of two with one name, the environment's counts", () => {
  const environment = environmentCredentials({
    ...none,
    ESB_AUTH_USER: "ada",
    ESB_AUTH_PASSWORD: "of the environment",
  });
  const file = {
    apiKeys: [{ id: "shop", sha256: sha256("x") }],
    users: [{ username: "ada", password: { plain: "of the file" }, claims: {} }],
    accessKeys: [],
  };
  const credentials = new Credentials(merge(environment, file));
  assert.deepEqual(credentials.user("ada")?.password, { plain: "of the environment" });
  assert.equal(credentials.apiKey("x")?.id, "shop");
});
