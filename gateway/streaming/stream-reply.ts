import { Writable } from "node:stream";
import type { LambdaError } from "../http/errors.ts";
import type { InvocationOutcome } from "../http/metrics.ts";
import type { AnswerHead, FunctionError } from "../lambda/answer.ts";
import { type InvocationReply, outcomeOf, type Served } from "../lambda/invocation-reply.ts";
import type { LogTail } from "../lambda/log-tail.ts";
import type { Reply } from "../lambda/reply.ts";
import { type Completion, eventStreamType, invokeComplete, payloadChunk } from "./event-stream.ts";
import { largestStreamBytes, streamTooLarge } from "./limit.ts";
import { streamSink } from "./sink.ts";

export interface StreamReplyOptions {
  /** Says what is said before the stream begins. */
  readonly reply: Pick<Reply, "onGone" | "handedOn" | "onHandedOn" | "closeAfter" | "giveUp" | "error" | "open">;
  /** Undefined: the client has not asked for it. */
  readonly tail: Pick<LogTail, "begin" | "onOver" | "result"> | undefined;
  readonly largestBytes?: number;
}

/** Answers InvokeWithResponseStream: the function's pieces as they come, and behind them how it ended. */
export class StreamReply implements InvocationReply {
  readonly streamed = true;
  readonly #options: StreamReplyOptions;
  readonly #largestBytes: number;
  #sink: Writable | undefined;
  #bytes = 0;
  #failure: FunctionError | undefined;
  #completion: Completion = {};
  #finished: Promise<void> = Promise.resolve();

  constructor(options: StreamReplyOptions) {
    this.#options = options;
    this.#largestBytes = options.largestBytes ?? largestStreamBytes;
  }

  get handedOn(): boolean {
    return this.#options.reply.handedOn;
  }

  /** Resolves when the client has been told all, or has gone; to be asked once the invocation is over. */
  get finished(): Promise<void> {
    return this.#finished;
  }

  onGone(callback: () => void): () => void {
    return this.#options.reply.onGone(callback);
  }

  onHandedOn(): void {
    this.#options.tail?.begin();
    this.#options.reply.onHandedOn();
  }

  onOver(served: Served): Promise<void> | undefined {
    return this.#options.tail?.onOver(served);
  }

  closeAfter(): void {
    this.#options.reply.closeAfter();
  }

  begin(_head: AnswerHead, _bytes: number | undefined, served: Served): Writable {
    return this.#open(served);
  }

  answer(head: AnswerHead, body: Buffer, served: Served): InvocationOutcome {
    const sink = this.#open(served);
    if (head.functionError === undefined) sink.write(body);
    else this.#completion = { ErrorCode: head.functionError, ErrorDetails: body.toString() };
    sink.end();
    return outcomeOf(head);
  }

  /**
   * Of a stream that has begun, AWS's code is the error's type (aws/aws-lambda-dotnet, ResponseStreamingTests.cs, which
   * runs on AWS: `InvalidOperationException`); else it is what Invoke calls the failure (remotion-dev/remotion,
   * call-lambda.ts, which tells `Unhandled` from such types).
   */
  functionError(error: FunctionError, served: Served | undefined): void {
    this.#failure ??= error;
    const ErrorCode = this.#sink === undefined ? "Unhandled" : String(error.errorType);
    this.#complete({ ErrorCode, ErrorDetails: JSON.stringify(error) }, served);
  }

  error(error: LambdaError, served?: Served): void {
    if (this.#sink === undefined) this.#options.reply.error(error, served);
    else this.#complete({ ErrorCode: error.name, ErrorDetails: error.message }, served);
  }

  /** Ends with an error in place of the rest of the answer. */
  giveUp(error: LambdaError): void {
    if (this.#sink === undefined) this.#options.reply.giveUp(error);
    else this.error(error);
  }

  /** The first that is told holds: what comes behind it is of the same end. */
  #complete(completion: Completion, served: Served | undefined): void {
    const sink = this.#sink ?? this.#open(served);
    if (sink.writableEnded || sink.destroyed) return;
    this.#completion = completion;
    sink.end();
  }

  #open(served: Served | undefined): Writable {
    const { reply, tail } = this.#options;
    const response = reply.open(eventStreamType, served);
    if (response === undefined) return new Writable({ write: (_chunk, _encoding, done) => done() });
    const sink = streamSink({
      response,
      frame: (chunk) => this.#frame(chunk, served),
      last: async () => {
        const LogResult = served && (await tail?.result(served, this.#failure));
        return invokeComplete({ ...this.#completion, LogResult });
      },
    });
    this.#sink = sink;
    this.#finished = new Promise((resolve) => sink.once("close", resolve));
    // The client learns at once that the function has begun.
    response.flushHeaders();
    return sink;
  }

  #frame(chunk: Buffer, served: Served | undefined): Uint8Array | undefined {
    this.#bytes += chunk.length;
    if (this.#bytes <= this.#largestBytes) return payloadChunk(chunk);
    // What came up to here stays with the client; what still comes goes nowhere.
    this.functionError(streamTooLarge(this.#largestBytes), served);
    return undefined;
  }
}
