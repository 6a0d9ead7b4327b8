import { createServer, type RequestListener, type Server } from "node:http";

/**
 * An HTTP server that listens nowhere: listeners give it their connections ("connection" event), having decided whose
 * they are. It has no timeouts: a frozen worker keeps its poll, and says nothing, for as long as it is frozen.
 * @param maxHeaderSize in bytes
 */
export function createConnectionServer(maxHeaderSize: number, onRequest: RequestListener): Server {
  return createServer(
    { maxHeaderSize, keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0, requireHostHeader: false },
    onRequest,
  );
}
