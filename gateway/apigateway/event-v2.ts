import type { Authorization } from "../auth/authorization.ts";
import type { RouteMatch } from "../routing/definition.ts";
import type { ApiIdentity } from "./api-identity.ts";
import type { ApiRequest } from "./request.ts";

/** The event of payload format 2.0, as JSON in UTF-8; never throws. */
export function toEventV2(
  _request: ApiRequest,
  _match: RouteMatch,
  _authorization: Authorization,
  _api: ApiIdentity,
): Buffer {
  throw new Error("to be written");
}
