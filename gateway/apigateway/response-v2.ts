import type { ApiRequest } from "./request.ts";
import type { MappedResponse } from "./response.ts";

/** What a function of payload format 2.0 answered, `bytes` as they came from it; never throws. */
export function toResponseV2(_bytes: Buffer, _request: ApiRequest): MappedResponse {
  throw new Error("to be written");
}
