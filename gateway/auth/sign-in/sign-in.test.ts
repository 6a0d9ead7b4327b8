import assert from "node:assert/strict";
import { test } from "node:test";
import { PasswordCheck, TooManyAttempts } from "../passwords/check.ts";
import { hashPassword, parsePasswordHash } from "../passwords/hash.ts";
import { type SignInContext, signIn } from "./sign-in.ts";
import { Throttle } from "./throttle.ts";

const password = parsePasswordHash(await hashPassword("swordfish", { N: 16, r: 1, p: 1 }));
assert.ok(password !== undefined);
const ada = { username: "ada", password, claims: {} };

function setUp(overrides: Partial<SignInContext> = {}) {
  const told: unknown[] = [];
  const passwords = new PasswordCheck();
  const ofAddress = new Throttle({ failures: 3, seconds: 60 });
  const ofKey = new Throttle({ failures: 6, seconds: 60 });
  const context: SignInContext = {
    apiKey: (key) => (key.startsWith("the-right-key") ? { id: key, sha256: "" } : undefined),
    user: (username) => (username === "ada" ? ada : undefined),
    anyHash: () => password,
    isRight: (...args) => passwords.isRight(...args),
    issue: async ({ username }) => `token of ${username}`,
    attemptOfAddress: (address) => ofAddress.attempt(address),
    attemptOfKey: (id) => ofKey.attempt(id),
    onRefused: (...args) => told.push(args),
    ...overrides,
  };
  const attempt = (body: unknown, apiKey: string | null = "the-right-key", address = "192.0.2.1") =>
    signIn(
      {
        apiKey: apiKey ?? undefined,
        address,
        throughProxy: false,
        body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
      },
      context,
    );
  return { attempt, told };
}
const asking = (USERNAME: unknown, PASSWORD: unknown) => ({ AuthParameters: { USERNAME, PASSWORD } });
const right = asking("ada", "swordfish");

test("G2: right key, user and password give a token; what else Cognito's clients send is not looked at", async () => {
  const { attempt } = setUp();
  const body = { AuthFlow: "USER_PASSWORD_AUTH", ClientId: "x", AuthParameters: { ...right.AuthParameters, MORE: 1 } };
  for (const sent of [right, body]) {
    assert.deepEqual(await attempt(sent), { status: 200, body: { AuthenticationResult: { IdToken: "token of ada" } } });
  }
});

test("G2: a wrong or missing key, a wrong password and an unknown user are 401, all alike", async () => {
  const { attempt, told } = setUp();
  const answers = [
    await attempt(right, "another-key"),
    await attempt(right, ""),
    await attempt(asking("ada", "wrong"), "the-right-key", "192.0.2.2"),
    await attempt(asking("nobody", "swordfish"), "the-right-key", "192.0.2.2"),
    await attempt(right, null, "192.0.2.3"),
  ];
  for (const answer of answers) assert.deepEqual(answer, { status: 401, body: { message: "Unauthorized" } });
  assert.equal(told.length, answers.length);
  assert.doesNotMatch(JSON.stringify(told), /swordfish|another-key|wrong"|nobody/);
});

for (const [what, body, message] of [
  ["nothing", "", "the body must be JSON"],
  ["no JSON", "{", "the body must be JSON"],
  ["a list", [], "body: the body must be a JSON object"],
  ["null", null, "body: the body must be a JSON object"],
  ["no AuthParameters", {}, "AuthParameters: AuthParameters must be there"],
  ["no USERNAME", { AuthParameters: { PASSWORD: "x" } }, "AuthParameters.USERNAME: USERNAME must be text"],
  ["no PASSWORD", { AuthParameters: { USERNAME: "x" } }, "AuthParameters.PASSWORD: PASSWORD must be text"],
  ["an empty PASSWORD", asking("ada", ""), "AuthParameters.PASSWORD: PASSWORD must not be empty"],
  ["a number", asking(7, "x"), "AuthParameters.USERNAME: USERNAME must be text"],
] as const) {
  test(`G2: 400 that says which field: ${what}`, async () => {
    const { attempt } = setUp();
    // More often than one may fail: who guesses nothing is not held back.
    for (let round = 0; round < 5; round++) {
      const answer = await attempt(body);
      assert.equal(answer.status, 400);
      assert.ok(JSON.stringify(answer.body).includes(message), JSON.stringify(answer.body));
    }
  });
}

test("G2: who fails too often waits, by address; others do not", async () => {
  const { attempt } = setUp();
  for (let round = 0; round < 3; round++) assert.equal((await attempt(asking("ada", "wrong"))).status, 401);
  const answer = await attempt(right);
  assert.deepEqual(answer, { status: 429, body: { message: "Too Many Requests" }, retryAfterSeconds: 60 });
  assert.equal((await attempt(right, "the-right-key", "192.0.2.2")).status, 200);
});

test("G2: many addresses that guess with one key are held back together", async () => {
  const { attempt } = setUp();
  for (let round = 0; round < 6; round++) {
    assert.equal((await attempt(asking("ada", "wrong"), "the-right-key", `192.0.2.${round}`)).status, 401);
  }
  assert.equal((await attempt(right, "the-right-key", "192.0.2.99")).status, 429);
  assert.equal((await attempt(right, "the-right-key-2", "192.0.2.99")).status, 200);
});

test("G2: success does not punish, however often", async () => {
  const { attempt } = setUp();
  for (let round = 0; round < 20; round++) assert.equal((await attempt(right)).status, 200);
});

test("G2: more attempts than can be checked are 429, and are held against nobody", async () => {
  let busy = true;
  const { attempt } = setUp({
    isRight: async () => {
      if (busy) throw new TooManyAttempts("full");
      return true;
    },
  });
  for (let round = 0; round < 20; round++) {
    const { status, retryAfterSeconds } = await attempt(right);
    assert.deepEqual([status, retryAfterSeconds], [429, 1]);
  }
  busy = false;
  assert.equal((await attempt(right)).status, 200);
});

test("G2: where nobody signs tokens, there is no such path", async () => {
  const { attempt } = setUp({ issue: undefined });
  assert.deepEqual(await attempt(right), { status: 404, body: { message: "Not Found" } });
});
