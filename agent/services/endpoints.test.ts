import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceEndpoints, servicePorts } from "./endpoints.ts";

const host = "10.63.0.1";
const settings = (s3?: string, dynamodb?: string) => ({ ESB_S3_URL: s3, ESB_DYNAMODB_URL: dynamodb });

test("D3: functions are told of this machine's services by the address at which they reach it", () => {
  const ours = settings("http://host.esb.internal:9000", "http://host.esb.internal:8001/");
  assert.deepEqual(serviceEndpoints(ours, host), {
    AWS_ENDPOINT_URL_S3: "http://10.63.0.1:9000",
    AWS_ENDPOINT_URL_DYNAMODB: "http://10.63.0.1:8001",
  });
  assert.deepEqual(servicePorts(ours), [
    { name: "ESB_S3_URL", port: 9000 },
    { name: "ESB_DYNAMODB_URL", port: 8001 },
  ]);
});

test("D3 W5: for services elsewhere nothing is opened; of those that are not there nothing is said", () => {
  const elsewhere = settings("https://s3.example.com/base/", undefined);
  assert.deepEqual(serviceEndpoints(elsewhere, host), { AWS_ENDPOINT_URL_S3: "https://s3.example.com/base" });
  assert.deepEqual(servicePorts(elsewhere), []);
  assert.deepEqual([serviceEndpoints(settings(), host), servicePorts(settings())], [{}, []]);
});

for (const [url, port] of [
  ["http://host.esb.internal", 80],
  ["https://host.esb.internal", 443],
  ["http://HOST.esb.internal:80/", 80],
  ["http://host.esb.internal.example:9000", undefined],
  ["http://127.0.0.1:9000", undefined],
] as const) {
  test(`D3: the port that ${url} opens is ${port}`, () => {
    assert.equal(servicePorts(settings(url))[0]?.port, port);
  });
}
