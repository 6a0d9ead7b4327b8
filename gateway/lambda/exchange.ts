import type { IncomingHttpHeaders } from "node:http";
import type { Writable } from "node:stream";
import type { Dispatcher } from "undici";
import { extensionsWorkHeader, undeliveredHeader } from "../../common/invocation-headers.ts";
import type { Clock } from "../pool/clock.ts";
import {
  type AnswerHead,
  announcedBytes,
  errorInTrailers,
  type FunctionError,
  largestAnswerBytes,
  toAnswerHead,
} from "./answer.ts";

/** Larger answers are passed on as they come. */
const streamFromBytes = 64 * 1024;

/** What became of a request to a worker. */
export type ExchangeResult =
  | { readonly kind: "answered"; readonly head: AnswerHead; readonly body: Buffer }
  /** Passed on to the client already. */
  | { readonly kind: "streamed"; readonly head: AnswerHead }
  /** The function has failed behind what it had answered, which the client has. */
  | { readonly kind: "broken-off"; readonly error: FunctionError }
  /** The worker has answered, but with more than may be passed on. */
  | { readonly kind: "too-large" }
  | { readonly kind: "timed-out" }
  /** No whole answer. `written`: the worker may have read the request; `begun`: part of an answer came. */
  | { readonly kind: "failed"; readonly written: boolean; readonly begun: boolean; readonly error: Error };

export interface ExchangeOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** When the worker begins to run, from which on the time counts; undefined: it does. */
  readonly runs: Promise<void> | undefined;
  /** Whether every answer goes to `onStream`, piece by piece; what is undefined or false sends large ones alone there. */
  readonly streamed?: boolean | undefined;
  /** Begins an answer of this many bytes towards the client, if that is known; undefined: it is wanted as a whole. */
  readonly onStream: (head: AnswerHead, bytes: number | undefined) => Writable | undefined;
  /** Called once, when the worker's part is over. */
  readonly onResult: (result: ExchangeResult) => void;
}

/** One request to a worker and its answer, within the function's timeout. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  #cancelTimeout: (() => void) | undefined;
  /** By the clock. */
  #endsMs: number | undefined;
  #extensionsWork = false;
  #settled = false;
  #written = false;
  #head: AnswerHead | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #overflow = false;
  #stream: Writable | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #cancelGrace: (() => void) | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const arm = () => {
      if (this.#settled) return;
      this.#endsMs = options.clock.now() + options.timeoutMs;
      this.#cancelTimeout = options.clock.after(options.timeoutMs, () => this.#onTimeout());
    };
    if (options.runs === undefined) arm();
    else options.runs.then(arm, () => undefined);
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** What is left of the function's time, which may not have begun. */
  get remainingMs(): number {
    const { clock, timeoutMs } = this.#options;
    return this.#endsMs === undefined ? timeoutMs : Math.max(0, this.#endsMs - clock.now());
  }

  /** Whether the worker said with its answer that extensions of it may still work on the invocation. */
  get extensionsWork(): boolean {
    return this.#extensionsWork;
  }

  /** Gives the exchange up, for a reason that lies outside. The connection must be closed by the caller. */
  fail(error: Error): void {
    this.#settle({ kind: "failed", written: this.#written, begun: this.#head !== undefined, error });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#written = true;
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Interim answers (1xx) are the connection's business.
    if (this.#settled || status < 200) return;
    if (headers[undeliveredHeader] !== undefined) {
      const error = new Error("the worker takes no invocations any more");
      this.#settle({ kind: "failed", written: false, begun: false, error });
      return;
    }
    this.#head = toAnswerHead(status, headers);
    this.#extensionsWork = headers[extensionsWorkHeader] !== undefined;
    const bytes = announcedBytes(headers);
    if (this.#options.streamed === true) {
      // A failure is told as a whole.
      if (this.#head.functionError === undefined) this.#stream = this.#options.onStream(this.#head, bytes);
      return;
    }
    if (bytes === undefined) return;
    if (bytes > largestAnswerBytes) this.#overflow = true;
    else if (bytes >= streamFromBytes) this.#stream = this.#options.onStream(this.#head, bytes);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled || this.#overflow) return;
    this.#bytes += chunk.length;
    if (this.#stream !== undefined) {
      this.#pass(this.#stream, chunk, controller);
    } else if (this.#bytes > largestAnswerBytes) {
      this.#overflow = true;
      this.#chunks = [];
    } else {
      this.#chunks.push(chunk);
    }
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders = {}): void {
    const head = this.#head;
    if (this.#settled || head === undefined) return;
    const error = this.#options.streamed === true ? errorInTrailers(trailers) : undefined;
    if (error !== undefined) {
      this.#settle({ kind: "broken-off", error });
    } else if (this.#stream !== undefined) {
      const stream = this.#stream;
      this.#settle({ kind: "streamed", head });
      stream.end();
    } else if (this.#overflow) {
      this.#settle({ kind: "too-large" });
    } else {
      const [first] = this.#chunks;
      const body = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.#bytes);
      this.#settle({ kind: "answered", head, body });
    }
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  /** Writes to the client no faster than it reads; a client that has gone holds nobody up. */
  #pass(stream: Writable, chunk: Buffer, controller: Dispatcher.DispatchController): void {
    if (stream.destroyed || stream.writableEnded || stream.write(chunk) || this.#cancelGrace !== undefined) return;
    controller.pause();
    const goOn = () => {
      stream.off("drain", goOn);
      stream.off("close", goOn);
      if (!this.#settled) controller.resume();
    };
    stream.on("drain", goOn);
    stream.on("close", goOn);
  }

  #onTimeout(): void {
    // The function is done and its client slow: a worker must not be lost for that. The rest, which is bounded, goes
    // into memory.
    const bounded = this.#options.streamed !== true;
    if (bounded && this.#stream !== undefined && this.#cancelGrace === undefined && this.#controller?.paused === true) {
      this.#cancelGrace = this.#options.clock.after(this.#options.timeoutMs, () => this.#onTimeout());
      this.#controller.resume();
      return;
    }
    this.#settle({ kind: "timed-out" });
  }

  #settle(result: ExchangeResult): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#cancelTimeout?.();
    this.#cancelGrace?.();
    // A client of a stream is told in it what went wrong.
    if (result.kind !== "streamed" && this.#options.streamed !== true) this.#stream?.destroy();
    this.#options.onResult(result);
  }
}
