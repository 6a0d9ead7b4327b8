import { randomUUID } from "node:crypto";
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { Reply } from "../lambda/reply.ts";
import type { Clock } from "../pool/clock.ts";
import { LambdaError } from "./errors.ts";

/** How long a client whose request could not be read may take to read why. */
const lingerMs = 1000;

/** What Node's HTTP server gives up on, by its own code. */
const known: Readonly<Record<string, { readonly status: number; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: "The request's head must be smaller than 16 KiB" },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, message: "The extensions of a chunk must be smaller than 16 KiB" },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: "The request did not arrive in time" },
};

/** An error of Node's HTTP server as Lambda's API tells it. @param error has Node's code, and llhttp's reason for some */
export function toUnreadable(error: NodeJS.ErrnoException & { readonly reason?: string }): LambdaError {
  const { status, message } = known[error.code ?? ""] ?? {
    status: 400,
    message: `The request is not valid HTTP: ${error.reason ?? error.code ?? "unknown"}`,
  };
  const name = status === 413 || status === 431 ? "RequestTooLargeException" : "InvalidRequestContentException";
  return new LambdaError(name, message, { status, cause: error });
}

/**
 * Answers what cannot be read as a request, which Node would answer without a body, or fastify in a shape of its own. The
 * connection ends with it. Where earlier requests of the connection still wait, it is cut instead: the client would take
 * the answer for one of theirs.
 */
export class UnreadableRequests {
  readonly #clock: Pick<Clock, "after">;
  readonly #waiting = new WeakMap<Socket, Set<ServerResponse>>();

  constructor(clock: Pick<Clock, "after">) {
    this.#clock = clock;
  }

  /** Follows the requests of a server, and answers those with an Expect that is none (RFC 9110 section 10.1.1). */
  follow(server: Server): void {
    server.on("request", (_request, response) => this.#add(response));
    server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
      const message = `Expect: ${request.headers.expect} is not known; expected 100-continue`;
      response.shouldKeepAlive = false;
      new Reply(response, randomUUID()).error(
        new LambdaError("InvalidRequestContentException", message, { status: 417 }),
      );
    });
  }

  refuse(error: Error, socket: Socket): void {
    // Word of it may come more than once, while the client goes on sending.
    if (socket.writableEnded) return;
    if (!socket.writable || !this.#isOfLast(socket)) {
      socket.destroy();
      return;
    }
    socket.end(answer(toUnreadable(error)));
    // Counted from now, not from the last byte: the client may go on sending for ever.
    socket.once(
      "close",
      this.#clock.after(lingerMs, () => socket.destroy()),
    );
  }

  #add(response: ServerResponse): void {
    const { socket } = response.req;
    const waiting = this.#waiting.get(socket) ?? new Set();
    this.#waiting.set(socket, waiting);
    waiting.add(response);
    response.once("close", () => waiting.delete(response));
  }

  /** Whether what cannot be read is a request of its own, or the body of the only one that is not answered yet. */
  #isOfLast(socket: Socket): boolean {
    const [first, ...others] = this.#waiting.get(socket) ?? [];
    if (first === undefined) return true;
    return others.length === 0 && !first.req.complete && !first.headersSent;
  }
}

function answer(error: LambdaError): string {
  const body = error.body();
  return [
    `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status]}`,
    `x-amzn-requestid: ${randomUUID()}`,
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `x-amzn-errortype: ${error.name}`,
    "connection: close",
    "",
    body,
  ].join("\r\n");
}
