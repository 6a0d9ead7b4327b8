import type { WorkerInfo } from "../pool/agent.ts";
import type { Clock } from "../pool/clock.ts";
import type { FunctionError } from "./answer.ts";
import type { Served } from "./invocation-reply.ts";
import { toLogResult } from "./log-result.ts";

/** What is known of a worker beside its answers; undefined: it cannot be had. */
export interface WorkerReports {
  /** What a worker has printed between two moments, in milliseconds since 1970. */
  linesBetween(worker: WorkerInfo, fromMs: number, toMs: number): Promise<readonly string[] | undefined>;
  /** The most memory that it has used so far. */
  memoryBytes(worker: WorkerInfo): Promise<number | undefined>;
}

export interface LogTailOptions {
  readonly requestId: string;
  readonly clock: Clock;
  readonly reports: WorkerReports;
}

/** How an invocation has ended. */
interface End {
  readonly durationMs: number;
  readonly endedMs: number;
  readonly seen: Promise<[readonly string[] | undefined, number | undefined]>;
}

/** The end of the log of one invocation. */
export class LogTail {
  readonly #options: LogTailOptions;
  #began = { ms: 0, epochMs: 0 };
  #end: End | undefined;

  constructor(options: LogTailOptions) {
    this.#options = options;
  }

  /** The function has the request from now on. */
  begin(): void {
    const { clock } = this.#options;
    this.#began = { ms: clock.now(), epochMs: clock.epochMs() };
    this.#end = undefined;
  }

  /** With a worker goes its log, and what its next request prints must not get among these lines: they are read now. */
  async onOver({ worker }: Served): Promise<void> {
    await this.#ended(worker).seen;
  }

  /** @returns X-Amz-Log-Result, in base64 */
  async result({ worker, definition, phases }: Served, failure: FunctionError | undefined): Promise<string> {
    const { requestId } = this.#options;
    const { durationMs, endedMs, seen } = this.#ended(worker);
    const [lines, usedBytes] = await seen;
    const timedOut = failure?.errorType === "Sandbox.Timedout";
    return toLogResult({
      requestId,
      // Its timer may have been late, or early by less than a millisecond.
      durationMs: timedOut ? definition.timeoutMs : durationMs,
      initMs: phases === undefined ? undefined : phases.start + phases.ready,
      memoryMib: definition.memoryMib,
      usedBytes,
      failure,
      lines: lines ?? [],
      endedMs,
    });
  }

  /** The function is done now, unless it has been so before. */
  #ended(worker: WorkerInfo): End {
    const { clock, reports } = this.#options;
    const endedMs = clock.epochMs();
    this.#end ??= {
      durationMs: clock.now() - this.#began.ms,
      endedMs,
      seen: Promise.all([reports.linesBetween(worker, this.#began.epochMs, endedMs), reports.memoryBytes(worker)]),
    };
    return this.#end;
  }
}
