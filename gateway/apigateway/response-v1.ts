import type { Route } from "../routing/definition.ts";
import type { ApiRequest } from "./request.ts";
import type { MappedResponse } from "./response.ts";

/** What a function of payload format 1.0 answered, `bytes` as they came from it; never throws. */
export function toResponseV1(_bytes: Buffer, _request: ApiRequest, _route: Route): MappedResponse {
  throw new Error("to be written");
}
