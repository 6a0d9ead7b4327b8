import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";

/**
 * Serves one request of a connection at a time, and ends one that sends more before its answer: no runtime does, and who
 * did could keep the process from all others for seconds.
 */
export function oneAtATime(onRequest: RequestListener): RequestListener {
  const busy = new WeakSet<Socket>();
  return (request, response) => {
    const { socket } = request;
    if (busy.has(socket)) {
      socket.destroy();
      return;
    }
    busy.add(socket);
    response.once("close", () => busy.delete(socket));
    onRequest(request, response);
  };
}

/**
 * An HTTP server that listens nowhere: listeners give it their connections ("connection" event), having decided whose
 * they are. It has no timeouts: a frozen worker keeps its poll, and says nothing, for as long as it is frozen.
 * @param maxHeaderSize in bytes
 */
export function createConnectionServer(maxHeaderSize: number, onRequest: RequestListener): Server {
  const server = createServer(
    { maxHeaderSize, keepAliveTimeout: 0, headersTimeout: 0, requestTimeout: 0, requireHostHeader: false },
    onRequest,
  );
  // Node answers these itself otherwise, however many come at once.
  server.on("checkExpectation", onRequest);
  return server;
}
