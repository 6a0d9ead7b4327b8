import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError } from "../../../common/environment.ts";
import { hashPassword } from "../passwords/hash.ts";
import { Credentials, sha256 } from "./credentials.ts";
import { parseCredentials } from "./file.ts";

const lookup = (name: string) => (name === "SHOP_KEY" ? "key-of-the-environment" : undefined);
const parse = (text: string) => parseCredentials(text, "auth.yml", lookup);
const hash = await hashPassword("swordfish", { N: 16, r: 1, p: 1 });

function refused(text: string): string {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message;
  }
  throw new assert.AssertionError({ message: "it was not refused" });
}

test("G2: keys plain, hashed and by a variable; users with claims; access keys", () => {
  const credentials = new Credentials(
    parse(`
apiKeys:
  - { id: plain, key: 0123456789012345678 }
  - { id: hashed, sha256: ${sha256("a-key-that-is-hashed").toUpperCase()} }
  - { id: variable, key: "\${SHOP_KEY}" }
users:
  - username: 007
    password: ${hash}
    claims: { email: bond@example.org, "cognito:groups": [agents], level: 7 }
accessKeys:
  - { id: AKIAIOSFODNN7EXAMPLE, secret: wJalrXUtnFEMI/K7MDENG }
`),
  );
  assert.equal(credentials.apiKey("0123456789012345678")?.id, "plain");
  assert.equal(credentials.apiKey("a-key-that-is-hashed")?.id, "hashed");
  assert.equal(credentials.apiKey("key-of-the-environment")?.id, "variable");
  assert.equal(credentials.apiKey(sha256("a-key-that-is-hashed")), undefined);
  assert.deepEqual(credentials.user("007")?.claims, {
    email: "bond@example.org",
    "cognito:groups": ["agents"],
    level: 7,
  });
  assert.equal(credentials.accessKey("AKIAIOSFODNN7EXAMPLE")?.secret, "wJalrXUtnFEMI/K7MDENG");
  assert.deepEqual(credentials.counts, { apiKeys: 3, users: 1, accessKeys: 1 });
});

test("a file with empty lists, or none, knows nobody", () => {
  for (const text of ["{}", "# nobody yet\n", "apiKeys:\nusers: []\naccessKeys:\n"]) {
    assert.deepEqual(new Credentials(parse(text)).counts, { apiKeys: 0, users: 0, accessKeys: 0 });
  }
});

for (const [what, text, expected] of [
  [
    "a password that is no hash",
    "users:\n  - username: ada\n    password: topsecret1",
    /^auth\.yml:3:15: users\.0\.password: must be a hash; make one/,
  ],
  [
    "a key too short",
    "apiKeys: [{ id: a, key: topsecret1 }]",
    /^auth\.yml:1:25: apiKeys\.0\.key: must be 16 characters/,
  ],
  [
    "key and sha256",
    `apiKeys: [{ id: a, key: topsecret1topsecret1, sha256: ${sha256("x")} }]`,
    /^auth\.yml:1:11: apiKeys\.0: must have one of/,
  ],
  ["neither of them", "apiKeys: [{ id: a }]", /^auth\.yml:1:11: apiKeys\.0: must have one of key: and sha256:$/],
  [
    "an unknown key",
    "apiKeys: [{ id: a, topsecret1: 1 }]",
    /^auth\.yml:1:20: apiKeys\.0: unknown key; expected one of id, key, sha256$/m,
  ],
  [
    "a claim of ours",
    `users: [{ username: a, password: ${hash}, claims: { iss: topsecret1 } }]`,
    /^auth\.yml:1:\d+: users\.0\.claims: is set by esb itself/,
  ],
  [
    "a user twice",
    `users: [{ username: a, password: ${hash} }, { username: a, password: ${hash} }]`,
    /^auth\.yml:1:\d+: users\.1\.username: is there twice; users\.0 has the same username$/,
  ],
  [
    "a key twice",
    "apiKeys: [{ id: a, key: topsecret1topsecret1 }, { id: b, key: topsecret1topsecret1 }]",
    /^auth\.yml:1:49: apiKeys\.1: is there twice/,
  ],
  ["no YAML", "apiKeys: [{ id: a, key: 'topsecret1 }", /^auth\.yml:\d+:\d+: not valid YAML: [A-Z_]+$/m],
  [
    "an anchor that is none",
    "apiKeys: [{ id: a, key: *topsecret1 }]",
    /^auth\.yml:1:25: not valid YAML: there is no anchor$/,
  ],
  [
    "a variable that is not set",
    `apiKeys: [{ id: a, key: "\${TOPSECRET1}" }]`,
    /^auth\.yml:1:25: not a variable that is set/,
  ],
  ["nothing, as a file that is being written says for a moment", "\n", /^auth\.yml:1:1: the file is empty; expected/],
  [
    "claims that contain themselves",
    `users: [{ username: a, password: ${hash}, claims: &topsecret1 { b: *topsecret1 } }]`,
    /^auth\.yml:1:\d+: users\.0\.claims: must not contain themselves$/,
  ],
  [
    "a list in place of a map",
    "- topsecret1",
    /^auth\.yml:1:1: the file: must be a map; expected apiKeys:, users: or accessKeys:$/,
  ],
] as const) {
  test(`G2: refused with its place and without its secret: ${what}`, () => {
    const message = refused(text);
    assert.match(message, expected);
    assert.doesNotMatch(message, /topsecret1/i);
  });
}
