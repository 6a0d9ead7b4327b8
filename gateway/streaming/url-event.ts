import { eventBytes } from "../apigateway/event-bytes.ts";
import { eventV2 } from "../apigateway/event-v2.ts";
import type { ApiRequest } from "../apigateway/request.ts";
import type { Caller } from "../auth/callers/check.ts";
import { accountId } from "../lambda/function-name.ts";
import type { Route } from "../routing/definition.ts";

/** Where API Gateway names a route, a function URL has this. */
const routeKey = "$default";

/**
 * The event of a function URL: payload format 2.0 with a `requestContext` of its own
 * (docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html, "Request payload format").
 * @param caller undefined: the URL is open to everybody
 */
export function toUrlEvent(request: ApiRequest, route: Route, region: string, caller: Caller | undefined): Buffer {
  const apiId = route.functionName;
  const api = { accountId: caller === undefined ? "anonymous" : accountId, apiId, region };
  const event = eventV2(request, { route, pathParameters: {} }, { kind: "none" }, api);
  const authorizer = caller && { iam: iam(caller) };
  const told = { ...event, routeKey, requestContext: { ...event.requestContext, routeKey, authorizer } };
  return eventBytes(told);
}

/** Who has signed; what esb does not have of it is null, as AWS has it for what does not apply. */
function iam({ kind, name }: Caller) {
  return {
    accessKey: kind === "access-key" ? name : null,
    accountId,
    callerId: name,
    cognitoIdentity: null,
    principalOrgId: null,
    userArn: `arn:aws:iam::${accountId}:user/${name}`,
    userId: name,
  };
}
