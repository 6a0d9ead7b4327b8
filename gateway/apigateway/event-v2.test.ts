import assert from "node:assert/strict";
import { test } from "node:test";
import { apiRequest, readV2, routeMatch } from "../testing/api-requests.ts";

test("G5: an event of payload 2.0 has each field of an HTTP API's", () => {
  const request = apiRequest({
    method: "POST",
    rawPath: "/my/a%2Fb",
    rawQuery: "parameter1=value1&parameter1=value2&parameter2=a%20b",
    headers: [
      ["Host", "api.example.com"],
      ["User-Agent", "agent"],
      ["Header2", "value1"],
      ["header2", "value2"],
      ["Cookie", "a=1; b=2"],
      ["cookie", "c=3"],
      ["Content-Type", "text/plain"],
    ],
    body: Buffer.from("Hello from Lambda"),
  });
  const match = routeMatch(
    { path: "/my/{proxy+}", methods: "ANY", stage: { name: "$default", variables: { stageVariable1: "value1" } } },
    { proxy: "a/b" },
  );
  assert.deepEqual(readV2(request, match), {
    version: "2.0",
    routeKey: "ANY /my/{proxy+}",
    rawPath: "/my/a%2Fb",
    rawQueryString: "parameter1=value1&parameter1=value2&parameter2=a%20b",
    cookies: ["a=1", "b=2", "c=3"],
    headers: {
      host: "api.example.com",
      "user-agent": "agent",
      header2: "value1,value2",
      "content-type": "text/plain",
      "x-amzn-trace-id": "Root=1-552671f0-9d5ae5c2e64b4f56b9ac32c7",
      "x-forwarded-for": "192.0.2.1",
      "x-forwarded-port": "443",
      "x-forwarded-proto": "https",
    },
    queryStringParameters: { parameter1: "value1,value2", parameter2: "a b" },
    requestContext: {
      accountId: "123456789012",
      apiId: "esb",
      domainName: "api.example.com",
      domainPrefix: "api",
      http: {
        method: "POST",
        path: "/my/a%2Fb",
        protocol: "HTTP/1.1",
        sourceIp: "192.0.2.1",
        userAgent: "agent",
      },
      requestId: "9d5ae5c2-e64b-4f56-b9ac-32c78642fe2d",
      routeKey: "ANY /my/{proxy+}",
      stage: "$default",
      time: "09/Apr/2015:12:34:56 +0000",
      timeEpoch: 1428582896789,
    },
    body: "Hello from Lambda",
    pathParameters: { proxy: "a/b" },
    isBase64Encoded: false,
    stageVariables: { stageVariable1: "value1" },
  });
});

test("G5: what a request of payload 2.0 has not is absent", () => {
  const event = readV2(apiRequest());
  for (const field of ["cookies", "queryStringParameters", "pathParameters", "stageVariables", "body"]) {
    assert.ok(!(field in event), field);
  }
  assert.equal(event.rawQueryString, "");
  assert.equal(event.isBase64Encoded, false);
  assert.equal(event.requestContext.http.userAgent, "");
  assert.ok(!("authorizer" in event.requestContext));
});

test("G5: of a route with several methods, the route key names the request's", () => {
  const match = routeMatch({ methods: ["GET", "POST"] });
  assert.equal(readV2(apiRequest({ method: "POST" }), match).routeKey, "POST /users/{id}");
});
