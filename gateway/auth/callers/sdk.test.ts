import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { InvokeCommand, LambdaClient, type LambdaClientConfig } from "@aws-sdk/client-lambda";
import { type Harness, startHarness } from "../../testing/harness.ts";

const accessKeyId = "AKIAIOSFODNN7EXAMPLE";
const secretAccessKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const credentials = { accessKeyId, secretAccessKey };

let harness: Harness;
before(async () => {
  harness = await startHarness({
    ESB_LAMBDA_AUTH: "required",
    ESB_AWS_ACCESS_KEY_ID: accessKeyId,
    ESB_AWS_SECRET_ACCESS_KEY: secretAccessKey,
  });
  harness.agent.handler = (_request, response) => response.end('{"answer":42}');
});
after(() => harness[Symbol.asyncDispose]());

/** The SDK as its users have it, but for the endpoint. */
function lambda(config: LambdaClientConfig = {}): LambdaClient {
  return new LambdaClient({ endpoint: harness.url, region: "us-east-1", credentials, maxAttempts: 1, ...config });
}

for (const [what, input] of [
  ["a name", { FunctionName: "hello", Payload: JSON.stringify({ name: "Ada é" }) }],
  ["a name with $LATEST, whose path is encoded twice", { FunctionName: "hello:$LATEST" }],
  ["an ARN", { FunctionName: "arn:aws:lambda:us-east-1:123456789012:function:hello" }],
  ["a qualifier in the query", { FunctionName: "hello", Qualifier: "$LATEST" }],
  ["headers that are signed", { FunctionName: "hello", LogType: "Tail", ClientContext: "e30=" }],
  ["six MiB", { FunctionName: "hello", Payload: `"${"x".repeat(6 * 2 ** 20 - 2)}"` }],
] as const) {
  test(`L7: the SDK's signature is right over ${what}`, async () => {
    const answer = await lambda().send(new InvokeCommand(input));
    assert.equal(answer.StatusCode, 200);
    assert.equal(answer.Payload?.transformToString(), '{"answer":42}');
  });
}

for (const [what, config, name, message] of [
  [
    "a wrong secret",
    { credentials: { accessKeyId, secretAccessKey: `${secretAccessKey}x` } },
    "InvalidSignatureException",
    /^The request signature we calculated does not match/,
  ],
  [
    "an unknown access key",
    { credentials: { accessKeyId: "AKIAUNKNOWNUNKNOWN00", secretAccessKey } },
    "UnrecognizedClientException",
    /^The security token included in the request is invalid\.$/,
  ],
  [
    "a session token that we gave to nobody",
    { credentials: { ...credentials, sessionToken: "x" } },
    "UnrecognizedClientException",
    /security token/,
  ],
  [
    "another region",
    { region: "eu-west-1" },
    "InvalidSignatureException",
    /^Credential should be scoped to a valid region/,
  ],
  [
    "a clock six minutes behind",
    { systemClockOffset: -360_000 },
    "InvalidSignatureException",
    /^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$/,
  ],
  [
    "a clock six minutes ahead",
    { systemClockOffset: 360_000 },
    "InvalidSignatureException",
    /^Signature not yet current: /,
  ],
] satisfies [string, LambdaClientConfig, string, RegExp][]) {
  test(`L7: refused as AWS refuses it, and no worker hears of it: ${what}`, async () => {
    const heard = () => [...harness.agent.workers.values()].flatMap(({ http }) => http.received).length;
    const heardBefore = heard();
    await assert.rejects(lambda(config).send(new InvokeCommand({ FunctionName: "hello" })), (error: Error) => {
      assert.equal(error.name, name);
      assert.match(error.message, message);
      assert.ok("$metadata" in error && JSON.stringify(error.$metadata).includes('"httpStatusCode":403'));
      assert.ok(!error.message.includes(secretAccessKey));
      return true;
    });
    assert.equal(heard(), heardBefore);
  });
}

test("L7: without credentials it is Missing Authentication Token; with an API key it goes", async () => {
  const bare = await harness.invoke("hello");
  assert.equal(bare.status, 403);
  assert.equal(bare.headers["x-amzn-errortype"], "MissingAuthenticationTokenException");
  assert.deepEqual(JSON.parse(bare.body), { message: "Missing Authentication Token" });
  assert.equal((await harness.invoke("hello", "{}", { "x-api-key": "esb-development-key" })).status, 200);
  const wrong = await harness.invoke("hello", "{}", { "x-api-key": "esb-development-kez" });
  assert.equal(wrong.headers["x-amzn-errortype"], "UnrecognizedClientException");
});
