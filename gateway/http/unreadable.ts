import { randomUUID } from "node:crypto";
import { type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../pool/clock.ts";
import { type HeadProblem, largestHeaderValuesBytes } from "./head.ts";
import { problemAnswer } from "./problems.ts";

/** How long a client whose request could not be read may take to read why. */
const lingerMs = 1000;

/** What Node tells of a request that it could not read. */
export interface ReadError extends Error {
  readonly code?: string;
  /** llhttp's words, for some. */
  readonly reason?: string;
  /** What had arrived last, and how much of it had been read when it was seen. */
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/** What Node's HTTP server gives up on, by its own code. */
const known: Readonly<Record<string, HeadProblem>> = {
  HPE_HEADER_OVERFLOW: {
    name: "HEAD_TOO_LARGE",
    message: `The values of all headers must not be larger than ${largestHeaderValuesBytes} bytes`,
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    name: "BODY_TOO_LARGE",
    message: "The extensions of a chunk must be smaller than 16 KiB",
  },
  ERR_HTTP_REQUEST_TIMEOUT: { name: "TIMED_OUT", message: "The request did not arrive in time" },
};

/** An error of Node's HTTP server as clients are told it. */
export function toProblem(error: ReadError): HeadProblem {
  return (
    known[error.code ?? ""] ?? {
      name: "MALFORMED",
      message: `The request is not valid HTTP: ${error.reason ?? error.code ?? "unknown"}`,
    }
  );
}

/**
 * Answers what cannot be read as a request, which Node would answer without a body, or fastify in a shape of its own. The
 * connection ends with it. Where earlier requests of the connection still wait, it is cut instead: the client would take
 * the answer for one of theirs.
 */
export class UnreadableRequests {
  readonly #clock: Pick<Clock, "after">;
  /** Of each connection: the answers that have not ended, and the last one of all. */
  readonly #waiting = new WeakMap<Socket, Set<ServerResponse>>();
  readonly #last = new WeakMap<Socket, ServerResponse>();

  constructor(clock: Pick<Clock, "after">) {
    this.#clock = clock;
  }

  /** A request has begun; `response` will answer it. */
  follow(response: ServerResponse): void {
    const { socket } = response.req;
    const waiting = this.#waiting.get(socket) ?? new Set();
    this.#waiting.set(socket, waiting);
    this.#last.set(socket, response);
    waiting.add(response);
    response.once("close", () => waiting.delete(response));
  }

  /** Whether a request of this connection is still to be answered. */
  isWaiting(socket: Socket): boolean {
    return (this.#waiting.get(socket)?.size ?? 0) > 0;
  }

  refuse(error: ReadError, socket: Socket): void {
    // Word of it may come more than once, while the client goes on sending.
    if (socket.writableEnded) return;
    // What comes behind the last request, which said `connection: close`, is nobody's; that one is still answered.
    if (error.code === "HPE_CLOSED_CONNECTION" && this.isWaiting(socket)) return;
    // A client that has said nothing waits for nothing.
    if (!socket.writable || socket.bytesRead === 0 || !this.#mayAnswer(socket)) {
      socket.destroy();
      return;
    }
    this.#answer(toProblem(error), this.#targetOf(error, socket), socket);
  }

  /** CONNECT asks for a tunnel, which there is none through here. */
  refuseTunnel(target: string | undefined, socket: Socket): void {
    if (!this.#mayAnswer(socket)) socket.destroy();
    else this.#answer({ name: "MALFORMED", message: "CONNECT is not served here" }, target, socket);
  }

  #answer({ name, message }: HeadProblem, target: string | undefined, socket: Socket): void {
    const { status, headers, body } = problemAnswer(name, message, target, randomUUID());
    const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`];
    for (let index = 0; index < headers.length; index += 2) lines.push(`${headers[index]}: ${headers[index + 1]}`);
    socket.end([...lines, "connection: close", "", body].join("\r\n"));
    // Counted from now, not from the last byte: the client may go on sending for ever.
    socket.once(
      "close",
      this.#clock.after(lingerMs, () => socket.destroy()),
    );
  }

  /** Whether what cannot be read is a request of its own, or the body of the only one that is not answered yet. */
  #mayAnswer(socket: Socket): boolean {
    const last = this.#last.get(socket);
    if (last === undefined) return true;
    // The rest of a body: its request may have been answered already.
    if (!last.req.complete) return this.#waiting.get(socket)?.size === 1 && !last.headersSent;
    return !this.isWaiting(socket);
  }

  /** Of the request whose body it was, or of the last request line that came with it. */
  #targetOf({ rawPacket, bytesParsed }: ReadError, socket: Socket): string | undefined {
    const last = this.#last.get(socket);
    if (last !== undefined && !last.req.complete) return last.req.url;
    const lines = rawPacket?.toString("latin1", 0, bytesParsed).matchAll(/^[A-Z]+ (\S+) HTTP\/\d/gm) ?? [];
    return [...lines].at(-1)?.[1];
  }
}
