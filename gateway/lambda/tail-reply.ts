import type { LambdaError } from "../http/errors.ts";
import type { InvocationOutcome } from "../http/metrics.ts";
import type { WorkerInfo } from "../pool/agent.ts";
import type { Clock } from "../pool/clock.ts";
import type { AnswerHead, FunctionError } from "./answer.ts";
import { type InvocationReply, outcomeOf, type Served } from "./invocation-reply.ts";
import { toLogResult } from "./log-result.ts";

/** What is known of a worker beside its answers; undefined: it cannot be had. */
export interface WorkerReports {
  /** What a worker has printed between two moments, in milliseconds since 1970. */
  linesBetween(worker: WorkerInfo, fromMs: number, toMs: number): Promise<readonly string[] | undefined>;
  /** How much memory it uses. */
  memoryBytes(worker: WorkerInfo): Promise<number | undefined>;
}

export interface TailReplyOptions {
  readonly requestId: string;
  readonly clock: Clock;
  readonly reports: WorkerReports;
}

/** A client that has asked for the end of the log (LogType Tail): its answer waits until that is there. */
export class TailReply implements InvocationReply {
  readonly #reply: InvocationReply;
  readonly #options: TailReplyOptions;
  #began = { ms: 0, epochMs: 0 };
  #finished: Promise<void> = Promise.resolve();
  #seen: Promise<[readonly string[] | undefined, number | undefined]> | undefined;

  constructor(reply: InvocationReply, options: TailReplyOptions) {
    this.#reply = reply;
    this.#options = options;
  }

  /** Resolves when the client has been answered; to be asked once the invocation is over. */
  get finished(): Promise<void> {
    return this.#finished;
  }

  onGone(callback: () => void): () => void {
    return this.#reply.onGone(callback);
  }

  onHandedOn(): void {
    const { clock } = this.#options;
    this.#began = { ms: clock.now(), epochMs: clock.epochMs() };
    this.#reply.onHandedOn();
  }

  /** With the worker goes its log. */
  async onTimedOut({ worker }: Served): Promise<void> {
    this.#seen = this.#look(worker, this.#options.clock.epochMs());
    await this.#seen;
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
    const { clock } = this.#options;
    const durationMs = clock.now() - this.#began.ms;
    this.#finished = this.#logResult(served, failure, durationMs, clock.epochMs()).then(answer);
  }

  #look(worker: WorkerInfo, endedMs: number) {
    const { reports } = this.#options;
    return Promise.all([reports.linesBetween(worker, this.#began.epochMs, endedMs), reports.memoryBytes(worker)]);
  }

  async #logResult(
    { worker, definition, phases }: Served,
    failure: FunctionError | undefined,
    durationMs: number,
    endedMs: number,
  ): Promise<string> {
    const { requestId } = this.#options;
    const [lines, usedBytes] = await (this.#seen ?? this.#look(worker, endedMs));
    const timedOut = failure?.errorType === "Sandbox.Timedout";
    return toLogResult({
      requestId,
      durationMs: timedOut ? Math.min(durationMs, definition.timeoutMs) : durationMs,
      initMs: phases === undefined ? undefined : phases.start + phases.ready,
      memoryMib: definition.memoryMib,
      usedBytes,
      failure,
      lines: lines ?? [],
      endedMs,
    });
  }
}
