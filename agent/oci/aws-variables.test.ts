import assert from "node:assert/strict";
import { test } from "node:test";
import { awsVariables } from "./aws-variables.ts";

const access = { endpoint: "http://10.63.0.1:8372", accessKeyId: "A", secretAccessKey: "S", sessionToken: "T" };
const s3 = { AWS_ENDPOINT_URL_S3: "http://10.63.0.1:9000" };
const dynamodb = { AWS_ENDPOINT_URL_DYNAMODB: "http://10.63.0.1:8001" };
const endpoints = { ...s3, ...dynamodb };
const credentials = { accessKeyId: "ID", secretAccessKey: "KEY" };
const key = { AWS_ACCESS_KEY_ID: "ID", AWS_SECRET_ACCESS_KEY: "KEY" };
const lambda = {
  AWS_ENDPOINT_URL_LAMBDA: "http://10.63.0.1:8372/token/T",
  AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: "http://10.63.0.1:8372/token/T",
};
const workersOwn = {
  AWS_ENDPOINT_URL_LAMBDA: "http://10.63.0.1:8372",
  AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: "http://10.63.0.1:8372",
  AWS_ACCESS_KEY_ID: "A",
  AWS_SECRET_ACCESS_KEY: "S",
  AWS_SESSION_TOKEN: "T",
};
const has =
  (...names: string[]) =>
  (name: string) =>
    names.includes(name);

test("D3 L7: with the services' key there is no session token; Lambda's API is shown the worker's in the path", () => {
  assert.deepEqual(awsVariables(has(), access, { endpoints, credentials }), { ...endpoints, ...key, ...lambda });
  assert.deepEqual(awsVariables(has(), undefined, { endpoints, credentials }), { ...endpoints, ...key });
});

test("D3: services that know no key are told with the worker's own", () => {
  assert.deepEqual(awsVariables(has(), access, { endpoints }), { ...endpoints, ...workersOwn });
  assert.deepEqual(awsVariables(has(), undefined, { endpoints }), endpoints);
});

test("D3: a service that the function names itself stays as it says", () => {
  const ours = { endpoints, credentials };
  const withoutS3 = { ...dynamodb, ...key, ...lambda };
  assert.deepEqual(awsVariables(has("AWS_ENDPOINT_URL_S3"), access, ours), withoutS3);
  for (const name of ["AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"]) {
    assert.deepEqual(awsVariables(has(name), access, ours), { ...endpoints, ...key });
    assert.deepEqual(awsVariables(has(name), access, { endpoints }), endpoints);
  }
});

for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"]) {
  test(`D3 L7: a function that has ${name} of its own is told of nothing of ours`, () => {
    assert.deepEqual(awsVariables(has(name), access, { endpoints, credentials }), {});
    assert.deepEqual(awsVariables(has(name), access, { endpoints }), {});
  });
}
