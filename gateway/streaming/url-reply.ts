import type { ServerResponse } from "node:http";
import { Writable } from "node:stream";
import { ApiError } from "../apigateway/errors.ts";
import type { ApiRequest } from "../apigateway/request.ts";
import type { AnswerWriter } from "../apigateway/writer.ts";
import type { LambdaError } from "../http/errors.ts";
import type { InvocationOutcome } from "../http/metrics.ts";
import type { AnswerHead, FunctionError } from "../lambda/answer.ts";
import { type InvocationReply, outcomeOf, type Served } from "../lambda/invocation-reply.ts";
import { largestStreamBytes } from "./limit.ts";
import { integrationType, PreludeReader, type StreamHead } from "./prelude.ts";
import { streamSink } from "./sink.ts";
import { toUrlError } from "./url-errors.ts";

export interface UrlReplyOptions {
  readonly request: ApiRequest;
  readonly response: ServerResponse;
  readonly writer: AnswerWriter;
  /** Told of every answer: its status, and its reason where it is an error of ours. */
  readonly onAnswer: (status: number, error: ApiError | undefined) => void;
  readonly largestBytes?: number;
}

/**
 * Answers a function URL's client with a stream: what comes before its first byte can still be an error; one behind it
 * cuts the answer off, so that nobody takes it for whole.
 */
export class UrlStreamReply implements InvocationReply {
  readonly streamed = true;
  readonly #options: UrlReplyOptions;
  readonly #largestBytes: number;
  #handedOn = false;
  #answered = false;
  #bytes = 0;
  #prelude: PreludeReader | undefined;
  #finished: Promise<void> = Promise.resolve();

  constructor(options: UrlReplyOptions) {
    this.#options = options;
    this.#largestBytes = options.largestBytes ?? largestStreamBytes;
  }

  get handedOn(): boolean {
    return this.#handedOn;
  }

  /** Resolves when the client has been told all, or has gone; to be asked once the invocation is over. */
  get finished(): Promise<void> {
    return this.#finished;
  }

  onHandedOn(): void {
    this.#handedOn = true;
  }

  onGone(callback: () => void): () => void {
    const { response } = this.#options;
    if (response.closed) callback();
    else response.once("close", callback);
    return () => response.off("close", callback);
  }

  closeAfter(): void {
    this.#options.response.shouldKeepAlive = false;
  }

  begin({ contentType, contentEncoding }: AnswerHead, _bytes: number | undefined, served: Served): Writable {
    const { response } = this.#options;
    if (this.#answered) return new Writable({ write: (_chunk, _encoding, done) => done() });
    if (contentType === integrationType) this.#prelude = new PreludeReader();
    else {
      const encoding = contentEncoding === undefined ? [] : ["content-encoding", contentEncoding];
      this.#open({ status: 200, headers: ["content-type", contentType, ...encoding] }, served);
    }
    const sink = streamSink({
      response,
      frame: (chunk) => this.#frame(chunk, served),
      last: () => {
        if (!this.#answered) this.#fail(failed("the stream ended within its status and headers"));
        return undefined;
      },
    });
    this.#finished = new Promise((resolve) => sink.once("close", resolve));
    return sink;
  }

  answer(head: AnswerHead, body: Buffer, served: Served): InvocationOutcome {
    if (head.functionError !== undefined) this.#fail(failed(body.toString("utf8", 0, 1000)));
    else this.begin(head, body.length, served).end(body);
    return outcomeOf(head);
  }

  functionError({ errorType, errorMessage }: FunctionError): void {
    this.#fail(failed(`${errorType}: ${errorMessage}`));
  }

  error(error: LambdaError): void {
    if (!this.#options.response.closed) this.#fail(toUrlError(error));
  }

  giveUp(error: LambdaError): void {
    this.#fail(toUrlError(error));
  }

  #frame(chunk: Buffer, served: Served): Buffer | undefined {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#largestBytes) {
      this.#fail(failed(`the answer has more than ${this.#largestBytes} bytes`));
      return undefined;
    }
    if (this.#prelude === undefined) return chunk;
    const prelude = this.#prelude.add(chunk, this.#options.request);
    if (prelude === undefined) return undefined;
    this.#prelude = undefined;
    if (prelude.kind === "whole") {
      this.#open(prelude.head, served);
      return prelude.rest.length === 0 ? undefined : prelude.rest;
    }
    this.#fail(failed(prelude.reason));
    return undefined;
  }

  #open(head: StreamHead, { start }: Served): void {
    const { response, writer, onAnswer } = this.#options;
    this.#answered = true;
    writer.begin(head, ["x-esb-start", start]);
    response.flushHeaders();
    onAnswer(head.status, undefined);
  }

  #fail(error: ApiError): void {
    const { response, writer, onAnswer } = this.#options;
    if (!this.#answered) {
      this.#answered = true;
      onAnswer(writer.error(error), error);
    } else if (!response.writableEnded) {
      response.destroy();
    }
  }
}

function failed(words: string): ApiError {
  return new ApiError("INTEGRATION_FAILURE", `the function failed: ${words}`);
}
