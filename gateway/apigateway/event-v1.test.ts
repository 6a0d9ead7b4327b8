import assert from "node:assert/strict";
import { test } from "node:test";
import { apiRequest, readV1, routeMatch } from "../testing/api-requests.ts";

test("G5: an event of payload 1.0 has each field of a REST API's", () => {
  const request = apiRequest({
    method: "POST",
    rawPath: "/users/a%20b",
    rawQuery: "name=me&many=you&many=me",
    headers: [
      ["Host", "api.example.com"],
      ["User-Agent", "PostmanRuntime/2.4.5"],
      ["Content-Type", "application/json"],
      ["X-Many", "1"],
      ["x-many", "2"],
    ],
    body: Buffer.from('{"a": 1.10}'),
  });
  const match = routeMatch({ stage: { name: "prod", variables: { table: "users" } } }, { id: "a b" });
  const headers = {
    Host: "api.example.com",
    "User-Agent": "PostmanRuntime/2.4.5",
    "Content-Type": "application/json",
    "X-Many": "2",
    "X-Amzn-Trace-Id": "Root=1-552671f0-9d5ae5c2e64b4f56b9ac32c7",
    "X-Forwarded-For": "192.0.2.1",
    "X-Forwarded-Port": "443",
    "X-Forwarded-Proto": "https",
  };
  assert.deepEqual(readV1(request, match), {
    version: "1.0",
    resource: "/users/{id}",
    path: "/users/a%20b",
    httpMethod: "POST",
    headers,
    multiValueHeaders: {
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]])),
      "X-Many": ["1", "2"],
    },
    queryStringParameters: { name: "me", many: "me" },
    multiValueQueryStringParameters: { name: ["me"], many: ["you", "me"] },
    pathParameters: { id: "a b" },
    stageVariables: { table: "users" },
    requestContext: {
      resourceId: "0duo45s",
      resourcePath: "/users/{id}",
      httpMethod: "POST",
      extendedRequestId: "nVrlwuZLT1a5rDI=",
      requestTime: "09/Apr/2015:12:34:56 +0000",
      path: "/users/a%20b",
      accountId: "123456789012",
      protocol: "HTTP/1.1",
      stage: "prod",
      domainPrefix: "api",
      requestTimeEpoch: 1428582896789,
      requestId: "9d5ae5c2-e64b-4f56-b9ac-32c78642fe2d",
      identity: {
        cognitoIdentityPoolId: null,
        accountId: null,
        cognitoIdentityId: null,
        caller: null,
        principalOrgId: null,
        accessKey: null,
        cognitoAuthenticationType: null,
        cognitoAuthenticationProvider: null,
        userArn: null,
        user: null,
        clientCert: null,
        apiKey: null,
        apiKeyId: null,
        sourceIp: "192.0.2.1",
        userAgent: "PostmanRuntime/2.4.5",
      },
      domainName: "api.example.com",
      apiId: "esb",
    },
    body: '{"a": 1.10}',
    isBase64Encoded: false,
  });
});

test("G5: what a request of payload 1.0 has not is null, and there", () => {
  const event = readV1(apiRequest());
  assert.deepEqual(
    {
      query: event.queryStringParameters,
      queries: event.multiValueQueryStringParameters,
      path: event.pathParameters,
      stage: event.stageVariables,
      body: event.body,
      userAgent: event.requestContext.identity.userAgent,
    },
    { query: null, queries: null, path: null, stage: null, body: null, userAgent: null },
  );
  assert.ok(!("authorizer" in event.requestContext));
});

test("G5: an API key is told as the caller's identity in payload 1.0", () => {
  const { requestContext } = readV1(apiRequest(), routeMatch(), { kind: "api-key", key: "secret", keyId: "shop" });
  assert.equal(requestContext.identity.apiKey, "secret");
  assert.equal(requestContext.identity.apiKeyId, "shop");
  assert.ok(!("authorizer" in requestContext));
});

for (const [domainName, prefix] of [
  ["api.example.com", "api"],
  ["localhost", "localhost"],
  ["127.0.0.1", "127.0.0.1"],
  ["", ""],
] as const) {
  test(`G5: the domain's prefix of "${domainName}"`, () => {
    const { requestContext } = readV1(apiRequest({ domainName }));
    assert.deepEqual([requestContext.domainName, requestContext.domainPrefix], [domainName, prefix]);
  });
}
