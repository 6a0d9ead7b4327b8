import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { APIGatewayProxyEventSchema } from "@aws-lambda-powertools/parser/schemas/api-gateway";
import { APIGatewayProxyEventV2Schema } from "@aws-lambda-powertools/parser/schemas/api-gatewayv2";
import type {
  APIGatewayProxyEvent,
  APIGatewayProxyEventV2,
  APIGatewayProxyEventV2WithJWTAuthorizer,
  APIGatewayProxyWithCognitoAuthorizerEvent,
} from "aws-lambda";
import type { Authorization } from "../auth/authorization.ts";
import { apiRequest, readV1, readV2, routeMatch } from "../testing/api-requests.ts";
import type { eventV1 } from "./event-v1.ts";
import type { eventV2 } from "./event-v2.ts";

/** Our events against what others wrote of AWS's: Powertools' schemas, DefinitelyTyped's types, AWS's example. */

const authorizations: Authorization[] = [
  { kind: "none" },
  { kind: "api-key", key: "secret", keyId: "shop" },
  { kind: "jwt", claims: { sub: "a", exp: 1, groups: ["x"] }, scopes: undefined },
  { kind: "jwt", claims: { sub: "a" }, scopes: ["read"] },
];
const requests = {
  "with nothing": apiRequest({ headers: [] }),
  "with all": apiRequest({
    method: "PUT",
    rawQuery: "a=1&a=2&b",
    headers: [
      ["Host", "api.example.com"],
      ["User-Agent", "curl"],
      ["Cookie", "a=1; b=2"],
      ["Content-Type", "application/json"],
    ],
    body: Buffer.from("{}"),
    sourceIp: "2001:db8::7",
  }),
};
const match = routeMatch({ stage: { name: "prod", variables: { a: "b" } } }, { id: "42" });

for (const [name, request] of Object.entries(requests)) {
  for (const authorization of authorizations) {
    test(`G5: Powertools accepts our events and loses nothing: ${name}, ${JSON.stringify(authorization)}`, () => {
      const v1 = readV1(request, match, authorization);
      const { version, ...known } = v1;
      assert.equal(version, "1.0");
      assert.deepEqual(APIGatewayProxyEventSchema.parse(v1), known);
      const v2 = readV2(request, match, authorization);
      assert.deepEqual(APIGatewayProxyEventV2Schema.parse(v2), v2);
    });
  }
}

/** What JSON makes of a type: what may be undefined may be absent. */
type Read<T> = T extends readonly (infer Item)[]
  ? Read<Item>[]
  : T extends object
    ? { -readonly [K in keyof T as undefined extends T[K] ? never : K]: Read<T[K]> } & {
        -readonly [K in keyof T as undefined extends T[K] ? K : never]?: Read<Exclude<T[K], undefined>>;
      }
    : T;
type V1 = Read<ReturnType<typeof eventV1>>;
type V2 = Read<ReturnType<typeof eventV2>>;

/** The same with an authorizer that is there. */
type Authorized<T extends { requestContext: { authorizer?: unknown } }> = T & {
  requestContext: { authorizer: NonNullable<T["requestContext"]["authorizer"]> };
};

test("G5: the types of aws-lambda hold for our events", () => {
  // That this file compiles is the test; the fields are read so as AWS's users read them.
  const v1: APIGatewayProxyEvent = {
    ...(readV1(requests["with all"]) as V1 & { requestContext: { authorizer: null } }),
  };
  const cognito: APIGatewayProxyWithCognitoAuthorizerEvent = readV1(
    requests["with all"],
    match,
    authorizations[2],
  ) as Authorized<V1>;
  const v2: APIGatewayProxyEventV2 = readV2(requests["with all"]) as V2;
  const jwt: APIGatewayProxyEventV2WithJWTAuthorizer = readV2(
    requests["with all"],
    match,
    authorizations[2],
  ) as Authorized<V2>;
  assert.equal(v1.multiValueQueryStringParameters?.a?.[1], "2");
  assert.equal(cognito.requestContext.authorizer.claims.sub, "a");
  assert.equal(v2.cookies?.[0], "a=1");
  assert.equal(jwt.requestContext.authorizer.jwt.claims.sub, "a");
});

test("G5: the request of AWS's example of payload 2.0 gives AWS's example, field by field", async () => {
  const example = await powertoolsExample();
  const { requestContext: context } = example;
  const request = apiRequest({
    id: context.requestId,
    method: context.http.method,
    rawPath: example.rawPath,
    rawQuery: example.rawQueryString,
    headers: [
      ["Header1", "value1"],
      ["Header2", "value1"],
      ["Header2", "value2"],
      ["Cookie", "cookie1; cookie2"],
      ["User-Agent", context.http.userAgent],
      ["Content-Type", "text/plain"],
    ],
    body: Buffer.from(example.body),
    sourceIp: context.http.sourceIp,
    domainName: context.domainName,
    receivedAtMs: context.timeEpoch,
  });
  const event = readV2(request, routeMatch({ path: "/my/path", stage: { name: "$default", variables: {} } }));
  const own = { "content-type": "text/plain", "user-agent": context.http.userAgent };
  const added = Object.entries(event.headers).filter(([name]) => name.startsWith("x-"));
  assert.deepEqual(event, {
    ...example,
    headers: { ...example.headers, ...own, ...Object.fromEntries(added) },
    routeKey: "POST /my/path",
    // AWS's example has a time and an epoch that are not the same.
    requestContext: {
      ...context,
      accountId: "123456789012",
      apiId: "esb",
      routeKey: event.routeKey,
      time: "04/Mar/2020:19:03:58 +0000",
    },
  });
});

/** The example in the documentation of Powertools' schema, which is AWS's; what is empty in it stands for what may be there. */
// biome-ignore lint/suspicious/noExplicitAny: JSON
async function powertoolsExample(): Promise<any> {
  const file = new URL(import.meta.resolve("@aws-lambda-powertools/parser/schemas/api-gatewayv2"));
  const source = await readFile(file, "utf8");
  const from = source.indexOf('{\n *   "version": "2.0"');
  const text = source.slice(from, source.indexOf("```", from)).replaceAll(/^ \*/gm, "");
  // A comma is missing behind its empty `authentication`, which is absent without client certificates.
  const { pathParameters, stageVariables, ...event } = JSON.parse(text.replace('"authentication": {}\n', "\n"));
  assert.deepEqual([pathParameters, stageVariables], [{}, {}]);
  return event;
}
