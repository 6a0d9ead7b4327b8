import assert from "node:assert/strict";
import { test } from "node:test";
import { type AuthMeans, missingForLambda, missingForRoute } from "./requirements.ts";

const none: AuthMeans = { signs: false, external: false, apiKeys: 0, users: 0, accessKeys: 0 };
const all = { signs: true, external: false, apiKeys: 1, users: 1, accessKeys: 1 };

/** What is there, and which settings the messages for jwt, api-key and Lambda's path name; undefined: nothing is missing. */
const table: readonly [string, Partial<AuthMeans>, RegExp | undefined, RegExp | undefined, RegExp | undefined][] = [
  ["nothing", {}, /ESB_JWT_KEYS.*ESB_AUTH_USER.*ESB_API_KEY/, /ESB_API_KEY.*ESB_AUTH_FILE/, /ESB_LAMBDA_AUTH=auto/],
  ["all of our own", all, undefined, undefined, undefined],
  ["an issuer elsewhere", { external: true }, undefined, /ESB_API_KEY/, undefined],
  ["an API key", { apiKeys: 1 }, /ESB_JWT_SECRET.*ESB_AUTH_USER/, undefined, undefined],
  ["an access key", { accessKeys: 1 }, /ESB_JWT_KEYS/, /ESB_API_KEY/, undefined],
  ["tokens without users", { signs: true, apiKeys: 1 }, /not a user: set ESB_AUTH_USER/, undefined, undefined],
  [
    "tokens without API keys",
    { signs: true, users: 1 },
    /not an API key: set ESB_API_KEY/,
    /ESB_API_KEY/,
    /ESB_AWS_ACCESS_KEY_ID/,
  ],
  ["users who cannot have tokens", { users: 1 }, /key that signs tokens/, /ESB_API_KEY/, /ESB_AUTH_FILE/],
];

for (const [what, means, jwt, apiKey, lambda] of table) {
  test(`G2: what is missing where there is: ${what}`, () => {
    const given = { ...none, ...means };
    assert.equal(missingForRoute("none", given), undefined);
    for (const [told, expected] of [
      [missingForRoute("jwt", given), jwt],
      [missingForRoute("api-key", given), apiKey],
      [missingForLambda("auto", given), lambda],
    ] as const) {
      if (expected === undefined) assert.equal(told, undefined);
      else assert.match(told ?? "", expected);
    }
  });
}
