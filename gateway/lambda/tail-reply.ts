import type { LambdaError } from "../http/errors.ts";
import type { InvocationOutcome } from "../http/metrics.ts";
import type { AnswerHead, FunctionError } from "./answer.ts";
import { type InvocationReply, outcomeOf, type Served } from "./invocation-reply.ts";
import type { LogTail } from "./log-tail.ts";

/** A client that has asked for the end of the log (LogType Tail): its answer waits until that is there. */
export class TailReply implements InvocationReply {
  readonly #reply: InvocationReply;
  readonly #tail: Pick<LogTail, "begin" | "onOver" | "result">;
  #finished: Promise<void> = Promise.resolve();

  constructor(reply: InvocationReply, tail: Pick<LogTail, "begin" | "onOver" | "result">) {
    this.#reply = reply;
    this.#tail = tail;
  }

  /** Resolves when the client has been answered; to be asked once the invocation is over. */
  get finished(): Promise<void> {
    return this.#finished;
  }

  onGone(callback: () => void): () => void {
    return this.#reply.onGone(callback);
  }

  onHandedOn(): void {
    this.#tail.begin();
    this.#reply.onHandedOn();
  }

  onOver(served: Served): Promise<void> {
    return this.#tail.onOver(served);
  }

  /** The log stands in the head, and is complete only after the body. */
  begin(): undefined {}

  answer(head: AnswerHead, body: Buffer, served: Served): InvocationOutcome {
    if (head.logResult === undefined) {
      this.#finish(served, undefined, (logResult) => this.#reply.answer({ ...head, logResult }, body, served));
    } else {
      this.#reply.answer(head, body, served);
    }
    return outcomeOf(head);
  }

  functionError(error: FunctionError, served: Served | undefined): void {
    if (served === undefined) this.#reply.functionError(error, served);
    else this.#finish(served, error, (logResult) => this.#reply.functionError(error, served, logResult));
  }

  error(error: LambdaError, served?: Served): void {
    this.#reply.error(error, served);
  }

  #finish(served: Served, failure: FunctionError | undefined, answer: (logResult: string) => void): void {
    this.#finished = this.#tail.result(served, failure).then(answer);
  }
}
