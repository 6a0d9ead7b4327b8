import type { ServerResponse } from "node:http";
import type { LambdaError } from "../http/errors.ts";
import type { InvocationOutcome } from "../http/metrics.ts";
import type { AnswerHead, FunctionError } from "../lambda/answer.ts";
import type { InvocationReply, Served } from "../lambda/invocation-reply.ts";
import type { Clock } from "../pool/clock.ts";
import { ApiError } from "./errors.ts";
import { toApiError } from "./failures.ts";
import type { MappedResponse } from "./response.ts";
import type { AnswerWriter } from "./writer.ts";

export interface ApiReplyOptions {
  readonly response: ServerResponse;
  readonly writer: AnswerWriter;
  readonly clock: Pick<Clock, "after">;
  /** How long the client waits at most, in milliseconds from now. */
  readonly timeoutMs: number;
  /** What the function's bytes mean. */
  readonly map: (bytes: Buffer) => MappedResponse;
  /** An error of Lambda's in this API's words. */
  readonly toError?: (error: LambdaError) => ApiError;
  /** Told of every answer: its status, and its reason where it is an error of ours. */
  readonly onAnswer: (status: number, error: ApiError | undefined) => void;
}

/** How much of a function's own words about its failure goes into the log. */
const longestReason = 1000;

/** Answers an API's client with what becomes of an invocation, once: what comes after its time is up goes nowhere. */
export class ApiReply implements InvocationReply, Disposable {
  readonly #options: ApiReplyOptions;
  readonly #left = new Set<() => void>();
  readonly #cancelTimeout: () => void;
  readonly #toError: (error: LambdaError) => ApiError;
  #answered = false;
  #handedOn = false;

  constructor(options: ApiReplyOptions) {
    this.#options = options;
    const { timeoutMs, toError = toApiError } = options;
    this.#toError = toError;
    this.#cancelTimeout = options.clock.after(timeoutMs, () => {
      // The function runs on to its own timeout, as in AWS; one that still waits for a worker does not run any more.
      this.#fail(new ApiError("INTEGRATION_TIMEOUT", `no answer within the route's ${timeoutMs} ms`));
      for (const leave of this.#left) leave();
    });
  }

  get handedOn(): boolean {
    return this.#handedOn;
  }

  onHandedOn(): void {
    this.#handedOn = true;
  }

  onGone(callback: () => void): () => void {
    const { response } = this.#options;
    if (this.#answered || response.closed) callback();
    else {
      response.once("close", callback);
      this.#left.add(callback);
    }
    return () => {
      response.off("close", callback);
      this.#left.delete(callback);
    };
  }

  /** An answer is mapped as a whole. */
  begin(): undefined {}

  answer(head: AnswerHead, body: Buffer, served: Served): InvocationOutcome {
    if (head.functionError !== undefined) {
      this.#fail(functionFailed(body.subarray(0, longestReason).toString()));
      return "function_error";
    }
    const mapped = this.#options.map(body);
    if ("malformed" in mapped) {
      this.#fail(malformed(mapped.malformed));
      return "function_error";
    }
    if (!this.#settle()) return "ok";
    try {
      this.#options.writer.response(mapped, ["x-esb-start", served.start]);
    } catch (error) {
      this.#say(malformed(String(error)));
      return "function_error";
    }
    this.#options.onAnswer(mapped.status, undefined);
    return "ok";
  }

  functionError({ errorType, errorMessage }: FunctionError): void {
    this.#fail(functionFailed(`${errorType}: ${errorMessage}`));
  }

  error(error: LambdaError): void {
    // A client that went while it waited is no failure of anybody.
    if (this.#options.response.closed && !this.#handedOn) this.#settle();
    else this.#fail(this.#toError(error));
  }

  /** The client is told to send no further request on this connection, unless the answer has been begun. */
  closeAfter(): void {
    this.#options.response.shouldKeepAlive = false;
  }

  /** Ends with an error in place of the answer. */
  giveUp(error: LambdaError): void {
    this.#fail(this.#toError(error));
  }

  /** Nothing more will come. */
  [Symbol.dispose](): void {
    this.#settle();
  }

  #fail(error: ApiError): void {
    if (this.#settle()) this.#say(error);
  }

  /** @returns whether the client is still to be answered, which the caller does now */
  #settle(): boolean {
    if (this.#answered) return false;
    this.#answered = true;
    this.#cancelTimeout();
    return true;
  }

  #say(error: ApiError): void {
    const { writer, onAnswer } = this.#options;
    onAnswer(writer.error(error), error);
  }
}

function functionFailed(words: string): ApiError {
  return new ApiError("INTEGRATION_FAILURE", `the function failed: ${words}`);
}

function malformed(why: string): ApiError {
  return new ApiError("INTEGRATION_FAILURE", `the function's answer is malformed: ${why}`);
}
