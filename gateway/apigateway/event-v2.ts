import type { Authorization } from "../auth/authorization.ts";
import type { RouteMatch } from "../routing/definition.ts";
import type { ApiIdentity } from "./api-identity.ts";
import { domainPrefix } from "./domain-prefix.ts";
import { eventBody } from "./event-body.ts";
import { eventBytes } from "./event-bytes.ts";
import { claimsV2 } from "./event-claims.ts";
import { headersV2 } from "./event-headers.ts";
import { queryPairs, queryV2 } from "./event-query.ts";
import { logTime } from "./event-time.ts";
import { headerOf } from "./header-list.ts";
import { isText, mediaTypeOf } from "./media-types.ts";
import type { ApiRequest } from "./request.ts";

/**
 * The event of payload format 2.0, as JSON in UTF-8; never throws. What an HTTP API sends
 * (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html, "2.0").
 */
export function toEventV2(
  request: ApiRequest,
  match: RouteMatch,
  authorization: Authorization,
  api: ApiIdentity,
): Buffer {
  return eventBytes(eventV2(request, match, authorization, api));
}

/** The event itself; what is undefined in it is absent in its JSON. */
export function eventV2(request: ApiRequest, match: RouteMatch, authorization: Authorization, api: ApiIdentity) {
  const { route, pathParameters } = match;
  const query = queryPairs(request.rawQuery);
  const { headers, cookies } = headersV2(request);
  const { body, isBase64Encoded } = eventBody(request.body, !isText(mediaTypeOf(headers["content-type"])));
  return {
    version: "2.0",
    routeKey: routeKey(request, match),
    rawPath: request.rawPath,
    rawQueryString: request.rawQuery,
    cookies,
    headers,
    queryStringParameters: query.length === 0 ? undefined : queryV2(query),
    requestContext: contextV2(request, match, authorization, api),
    body,
    pathParameters: orAbsent(pathParameters),
    isBase64Encoded,
    stageVariables: orAbsent(route.stage.variables),
  };
}

function contextV2(request: ApiRequest, match: RouteMatch, authorization: Authorization, api: ApiIdentity) {
  return {
    accountId: api.accountId,
    apiId: api.apiId,
    // `scopes` is null where there are none (http-api-jwt-authorizer.html).
    authorizer:
      authorization.kind === "jwt"
        ? { jwt: { claims: claimsV2(authorization.claims), scopes: authorization.scopes ?? null } }
        : undefined,
    domainName: request.domainName,
    domainPrefix: domainPrefix(request.domainName),
    http: {
      method: request.method,
      path: request.rawPath,
      protocol: request.protocol,
      sourceIp: request.sourceIp,
      userAgent: headerOf(request.headers, "user-agent") ?? "",
    },
    requestId: request.id,
    routeKey: routeKey(request, match),
    stage: match.route.stage.name,
    time: logTime(request.receivedAtMs),
    timeEpoch: request.receivedAtMs,
  };
}

/** `GET /users/{id}`, `ANY /{proxy+}`; a route with several methods stands for one route of each. */
function routeKey(request: ApiRequest, { route }: RouteMatch): string {
  return `${route.methods === "ANY" ? "ANY" : request.method} ${route.path}`;
}

function orAbsent(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> | undefined {
  return Object.keys(values).length === 0 ? undefined : values;
}
