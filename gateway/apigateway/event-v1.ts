import type { Authorization } from "../auth/authorization.ts";
import type { RouteMatch } from "../routing/definition.ts";
import type { ApiIdentity } from "./api-identity.ts";
import { domainPrefix } from "./domain-prefix.ts";
import { eventBody } from "./event-body.ts";
import { eventBytes } from "./event-bytes.ts";
import { claimsV1 } from "./event-claims.ts";
import { headersV1 } from "./event-headers.ts";
import { extendedRequestId } from "./event-ids.ts";
import { queryPairs, queryV1 } from "./event-query.ts";
import { logTime } from "./event-time.ts";
import { headerOf } from "./header-list.ts";
import { isListed, mediaTypeOf } from "./media-types.ts";
import type { ApiRequest } from "./request.ts";

/**
 * The event of payload format 1.0, as JSON in UTF-8; never throws. What a REST API sends
 * (docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html, "Input format") and, for
 * `version`, an HTTP API (…/http-api-develop-integrations-lambda.html, "1.0").
 */
export function toEventV1(
  request: ApiRequest,
  match: RouteMatch,
  authorization: Authorization,
  api: ApiIdentity,
): Buffer {
  return eventBytes(eventV1(request, match, authorization, api));
}

/** The event itself; what is undefined in it is absent in its JSON. */
export function eventV1(request: ApiRequest, match: RouteMatch, authorization: Authorization, api: ApiIdentity) {
  const { route, pathParameters } = match;
  const pairs = queryPairs(request.rawQuery);
  const query = pairs.length === 0 ? undefined : queryV1(pairs);
  const binary =
    route.binaryMediaTypes.length > 0 &&
    isListed(mediaTypeOf(headerOf(request.headers, "content-type")), route.binaryMediaTypes);
  const { body, isBase64Encoded } = eventBody(request.body, binary);
  const { headers, multiValueHeaders } = headersV1(request);
  // The order is that of AWS's example; each `null` is one that AWS writes.
  return {
    version: "1.0",
    resource: route.path,
    path: request.rawPath,
    httpMethod: request.method,
    headers,
    multiValueHeaders,
    queryStringParameters: query?.single ?? null,
    multiValueQueryStringParameters: query?.multi ?? null,
    pathParameters: orNull(pathParameters),
    stageVariables: orNull(route.stage.variables),
    requestContext: contextV1(request, match, authorization, api),
    body: body ?? null,
    isBase64Encoded,
  };
}

/** `$context` (docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html). */
function contextV1(request: ApiRequest, { route }: RouteMatch, authorization: Authorization, api: ApiIdentity) {
  return {
    resourceId: route.resourceId,
    // Absent without an authorizer: "no $context.authorizer.* … properties are present".
    authorizer: authorization.kind === "jwt" ? { claims: claimsV1(authorization.claims) } : undefined,
    resourcePath: route.path,
    httpMethod: request.method,
    extendedRequestId: extendedRequestId(request.id),
    requestTime: logTime(request.receivedAtMs),
    path: request.rawPath,
    accountId: api.accountId,
    protocol: request.protocol,
    stage: route.stage.name,
    domainPrefix: domainPrefix(request.domainName),
    requestTimeEpoch: request.receivedAtMs,
    requestId: request.id,
    identity: identityV1(request, authorization),
    domainName: request.domainName,
    apiId: api.apiId,
  };
}

function identityV1(request: ApiRequest, authorization: Authorization) {
  const key = authorization.kind === "api-key" ? authorization : undefined;
  return {
    // Of callers that are known by IAM or Cognito's identity pools; there are none here.
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
    apiKey: key?.key ?? null,
    apiKeyId: key?.keyId ?? null,
    sourceIp: request.sourceIp,
    userAgent: headerOf(request.headers, "user-agent") ?? null,
  };
}

function orNull(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> | null {
  return Object.keys(values).length === 0 ? null : values;
}
