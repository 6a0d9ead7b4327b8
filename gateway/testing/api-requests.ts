import type { ApiIdentity } from "../apigateway/api-identity.ts";
import { resourceId } from "../apigateway/event-ids.ts";
import { toEventV1 } from "../apigateway/event-v1.ts";
import { toEventV2 } from "../apigateway/event-v2.ts";
import type { ApiRequest } from "../apigateway/request.ts";
import type { Authorization } from "../auth/authorization.ts";
import type { Route, RouteMatch } from "../routing/definition.ts";

export const api: ApiIdentity = { accountId: "123456789012", apiId: "esb", region: "eu-west-1" };

/** A GET of /users/42 at noon of the 9th of April 2015, unless told otherwise. */
export function apiRequest(given: Partial<ApiRequest> = {}): ApiRequest {
  return {
    id: "9d5ae5c2-e64b-4f56-b9ac-32c78642fe2d",
    method: "GET",
    rawPath: "/users/42",
    rawQuery: "",
    headers: [["Host", "api.example.com"]],
    body: Buffer.alloc(0),
    sourceIp: "192.0.2.1",
    forwarded: { for: "192.0.2.1", proto: "https", port: "443" },
    protocol: "HTTP/1.1",
    domainName: "api.example.com",
    receivedAtMs: Date.UTC(2015, 3, 9, 12, 34, 56, 789),
    ...given,
  };
}

/** A match of `GET /users/{id}` without anything else, unless told otherwise. */
export function routeMatch(
  given: Partial<Route> = {},
  pathParameters: Readonly<Record<string, string>> = {},
): RouteMatch {
  const path = given.path ?? "/users/{id}";
  const route: Route = {
    path,
    resourceId: resourceId(path),
    methods: ["GET"],
    functionName: "users",
    auth: "none",
    payload: "1.0",
    cors: undefined,
    timeoutMs: 29_000,
    stage: { name: "prod", variables: {} },
    binaryMediaTypes: [],
    description: { summary: undefined, description: undefined, tags: [], request: undefined, response: undefined },
    ...given,
  };
  return { route, pathParameters };
}

const nobody: Authorization = { kind: "none" };

/** What a function of payload 1.0 reads. */
// biome-ignore lint/suspicious/noExplicitAny: JSON, as a function reads it
export function readV1(request: ApiRequest, match = routeMatch(), authorization = nobody): any {
  return JSON.parse(toEventV1(request, match, authorization, api).toString());
}

/** What a function of payload 2.0 reads. */
// biome-ignore lint/suspicious/noExplicitAny: JSON, as a function reads it
export function readV2(request: ApiRequest, match = routeMatch(), authorization = nobody): any {
  return JSON.parse(toEventV2(request, match, authorization, api).toString());
}
