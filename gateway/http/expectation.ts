import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * `Expect: 100-continue` (RFC 9110 section 10.1.1): the client is told to go on once somebody wants to read its body, so
 * that one that is refused by its head is not asked for it. The connection of such a one ends, since nobody could say
 * whether a body follows.
 */
export function continueWhenRead(request: IncomingMessage, response: ServerResponse): void {
  const keepAlive = response.shouldKeepAlive;
  if (request.httpVersionMajor === 1) response.shouldKeepAlive = false;
  const onListener = (event: string | symbol) => {
    if (event !== "data" && event !== "readable") return;
    request.off("newListener", onListener);
    // Where the answer has begun, it has told the client what to do.
    if (response.headersSent) return;
    if (request.httpVersionMajor === 1) response.shouldKeepAlive = keepAlive;
    response.writeContinue();
  };
  request.on("newListener", onListener);
}
