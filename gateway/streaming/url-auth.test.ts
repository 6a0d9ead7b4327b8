import assert from "node:assert/strict";
import { test } from "node:test";
import { Sha256 } from "@aws-crypto/sha256-js";
import { LambdaFunctionUrlSchema } from "@aws-lambda-powertools/parser/schemas/lambda";
import { SignatureV4 } from "@smithy/signature-v4";
import { askUrl, urlHost } from "../testing/function-url.ts";
import { startHarness } from "../testing/harness.ts";

const functions = `
functions:
  mine: { image: x, url: { auth: AWS_IAM, cors: { allowOrigins: ["*"] } } }
  open: { image: x, url: { auth: NONE } }
`;
const credentials = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};
const settings = {
  ESB_LAMBDA_AUTH: "required",
  ESB_AWS_ACCESS_KEY_ID: credentials.accessKeyId,
  ESB_AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
};
const signer = new SignatureV4({ service: "lambda", region: "us-east-1", credentials, sha256: Sha256 });
const unsigned = {
  method: "POST",
  protocol: "http:",
  hostname: "mine",
  path: "/a/b",
  query: { a: "1 2" },
  headers: { host: urlHost("mine"), "content-type": "text/plain" },
  body: "hi",
};

test("L5: AWS_IAM: a request that is signed is the function's, whose event says by whom", async () => {
  await using harness = await startHarness(settings, functions);
  let event: unknown;
  harness.agent.handler = (_request, response, body) => {
    event = JSON.parse(body.toString());
    response.end('"in"');
  };
  const { headers } = await signer.sign(unsigned);
  const request = { method: "POST", path: "/a/b?a=1%202", headers, body: "hi" };
  const answer = await askUrl(harness, "mine", request);
  assert.deepEqual([answer.status, answer.body], [200, "in"]);
  const { requestContext, body } = LambdaFunctionUrlSchema.parse(event);
  assert.deepEqual([body, requestContext.accountId], ["hi", "123456789012"]);
  const { accessKey, accountId, userArn } = requestContext.authorizer?.iam ?? {};
  assert.deepEqual([accessKey, accountId], [credentials.accessKeyId, "123456789012"]);
  assert.match(userArn ?? "", /^arn:aws:iam::123456789012:user\//);
  // It is signed for that body alone.
  assert.equal((await askUrl(harness, "mine", { ...request, body: "ho" })).status, 403);
});

test("L5: AWS_IAM: who has not signed is told what AWS tells, and nothing runs; a preflight need not be signed", async () => {
  await using harness = await startHarness(settings, functions);
  const wrong = new SignatureV4({
    service: "lambda",
    region: "us-east-1",
    credentials: { ...credentials, secretAccessKey: "another" },
    sha256: Sha256,
  });
  for (const signed of [{}, (await wrong.sign(unsigned)).headers]) {
    const headers = { ...signed, origin: "https://a.example" };
    const answer = await askUrl(harness, "mine", { method: "POST", path: "/a/b?a=1%202", headers, body: "hi" });
    assert.deepEqual([answer.status, answer.headers["x-amzn-errortype"]], [403, "AccessDeniedException"]);
    assert.match(JSON.parse(answer.body).Message, /^Forbidden\. For troubleshooting Function URL authorization issues/);
    assert.equal(answer.headers["access-control-allow-origin"], "*");
  }
  const asked = { origin: "https://a.example", "access-control-request-method": "PUT" };
  const preflight = await askUrl(harness, "mine", { method: "OPTIONS", headers: asked });
  assert.deepEqual([preflight.status, preflight.headers["access-control-allow-origin"]], [200, "*"]);
  assert.match(String(preflight.headers["x-amzn-requestid"]), /^[0-9a-f-]{36}$/);
  assert.ok(!harness.agent.calls.some((call) => call.startsWith("ensure")));
});

test("L5: NONE: nobody is asked who they are, and the event names nobody, as AWS's own", async () => {
  await using harness = await startHarness(settings, functions);
  let event: { requestContext?: object } = {};
  harness.agent.handler = (_request, response, body) => {
    event = JSON.parse(body.toString());
    response.end("1");
  };
  assert.equal((await askUrl(harness, "open", { headers: { authorization: "AWS4-HMAC-SHA256 x" } })).status, 200);
  assert.deepEqual(Object.keys(event.requestContext ?? {}).sort(), [
    "accountId",
    "apiId",
    "domainName",
    "domainPrefix",
    "http",
    "requestId",
    "routeKey",
    "stage",
    "time",
    "timeEpoch",
  ]);
});
