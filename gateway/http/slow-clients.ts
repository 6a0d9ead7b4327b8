import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2Session, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../pool/clock.ts";
import { answerProblem } from "./entry.ts";
import { Http2Request, Http2Response } from "./http2.ts";

/**
 * Cuts off clients that are slow, which Node does for HTTP/1.1 only, and there not for those who don't read their
 * answer. A request that waits for its function is not slow, however long nothing moves.
 */
export class SlowClients {
  readonly #clock: Pick<Clock, "after">;
  readonly #withinMs: number;
  readonly #streams = new WeakMap<Http2Session, number>();

  /** @param withinMs for a whole request; and how long an answer may wait for the client to read any of it */
  constructor(clock: Pick<Clock, "after">, withinMs: number) {
    this.#clock = clock;
    this.#withinMs = withinMs;
  }

  /** Nothing has moved on a connection of HTTP/1.1 for as long as its timeout says. */
  onIdle(socket: Socket, hasRequest: boolean): void {
    if (socket.writableLength > 0 || !hasRequest) socket.destroy();
  }

  /** Follows a session of HTTP/2. @param idleMs how long it may stay without a request */
  followSession(session: ServerHttp2Session, idleMs: number): void {
    session.on("stream", (stream) => {
      this.#streams.set(session, this.#streamsOf(session) + 1);
      stream.once("close", () => this.#streams.set(session, this.#streamsOf(session) - 1));
    });
    session.setTimeout(idleMs);
    session.on("timeout", () => {
      if (this.#streamsOf(session) > 0) return;
      session.close();
      session.once(
        "close",
        this.#clock.after(this.#withinMs, () => session.destroy()),
      );
    });
  }

  /** Follows one request of HTTP/2 and its answer. */
  followRequest(request: IncomingMessage | Http2Request, response: ServerResponse | Http2Response): void {
    if (!(request instanceof Http2Request) || !(response instanceof Http2Response)) return;
    const { stream } = request;
    stream.setTimeout(this.#withinMs);
    stream.on("timeout", () => {
      if (stream.writableLength > 0) stream.close(constants.NGHTTP2_CANCEL);
    });
    if (stream.endAfterHeaders) return;
    const cancel = this.#clock.after(this.#withinMs, () => {
      if (response.headersSent) stream.close(constants.NGHTTP2_CANCEL);
      else answerProblem(request, response, "TIMED_OUT", "The request did not arrive in time");
    });
    stream.once("end", cancel);
    stream.once("close", cancel);
    // Who is answered need not send the rest (RFC 9113 section 8.1).
    stream.once("finish", () => {
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #streamsOf(session: Http2Session): number {
    return this.#streams.get(session) ?? 0;
  }
}
