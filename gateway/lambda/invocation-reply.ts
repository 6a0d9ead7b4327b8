import type { Writable } from "node:stream";
import type { LambdaError } from "../http/errors.ts";
import type { InvocationOutcome } from "../http/metrics.ts";
import type { Lease, WorkerConnection } from "../pool/lease.ts";
import type { AnswerHead, FunctionError } from "./answer.ts";

/** The worker that an answer comes from, as far as clients are told of it. */
export type Served = Pick<Lease<WorkerConnection>, "worker" | "definition" | "start" | "phases">;

/**
 * Who waits for what becomes of an invocation, and tells it in the words of an API. One of `answer`, `functionError` and
 * `error` is called, once, unless the answer was streamed; none of them throws, also when nobody is there any more.
 */
export interface InvocationReply {
  /** Calls back when nobody waits any more, at once when that is so already; returns how to stop listening. */
  onGone(callback: () => void): () => void;
  /** The request goes to a worker now. */
  onHandedOn(): void;
  /**
   * The worker's part is over. It takes nothing else, and is still there, until what is returned resolves, which it must;
   * undefined: it may be used at once.
   */
  onOver?(served: Served): Promise<void> | undefined;
  /** Whether every answer is wanted piece by piece, as it comes; otherwise large ones alone come so. */
  readonly streamed?: boolean;
  /**
   * Begins an answer that comes in pieces: where they go, or undefined when it is wanted as a whole.
   * @param bytes in all; undefined, which is for `streamed` alone: not known
   */
  begin(head: AnswerHead, bytes: number | undefined, served: Served): Writable | undefined;
  /** The function's answer, which it may itself call an error. @returns what to count it as */
  answer(head: AnswerHead, body: Buffer, served: Served): InvocationOutcome;
  /**
   * The function has failed without an answer. Breaks off one that was begun.
   * @param served undefined: it did not get through its init phase
   * @param logResult for who has asked for it
   */
  functionError(error: FunctionError, served: Served | undefined, logResult?: string): void;
  /** The function could not be invoked. Breaks off an answer that was begun. */
  error(error: LambdaError, served?: Served): void;
}

/** What Lambda counts an answer as. */
export function outcomeOf(head: AnswerHead): "ok" | "function_error" {
  return head.functionError === undefined ? "ok" : "function_error";
}
