import type { WorkerInfo } from "../pool/agent.ts";
import type { Clock } from "../pool/clock.ts";
import type { FunctionError } from "./answer.ts";
import type { Served } from "./invocation-reply.ts";
import { toLogResult } from "./log-result.ts";

/** What is known of a worker beside its answers; undefined: it cannot be had. */
export interface WorkerReports {
  /** What a worker has printed between two moments, in milliseconds since 1970. */
  linesBetween(worker: WorkerInfo, fromMs: number, toMs: number): Promise<readonly string[] | undefined>;
  /** How much memory it uses. */
  memoryBytes(worker: WorkerInfo): Promise<number | undefined>;
}

export interface LogTailOptions {
  readonly requestId: string;
  readonly clock: Clock;
  readonly reports: WorkerReports;
}

/** The end of the log of one invocation. */
export class LogTail {
  readonly #options: LogTailOptions;
  #began = { ms: 0, epochMs: 0 };
  #seen: Promise<[readonly string[] | undefined, number | undefined]> | undefined;

  constructor(options: LogTailOptions) {
    this.#options = options;
  }

  /** The function has the request from now on. */
  begin(): void {
    const { clock } = this.#options;
    this.#began = { ms: clock.now(), epochMs: clock.epochMs() };
  }

  /** With the worker goes its log: what is there of it is read now. */
  async onTimedOut({ worker }: Served): Promise<void> {
    this.#seen = this.#look(worker, this.#options.clock.epochMs());
    await this.#seen;
  }

  /** The function is done now. @returns X-Amz-Log-Result, in base64 */
  async result({ worker, definition, phases }: Served, failure: FunctionError | undefined): Promise<string> {
    const { requestId, clock } = this.#options;
    const durationMs = clock.now() - this.#began.ms;
    const endedMs = clock.epochMs();
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

  #look(worker: WorkerInfo, endedMs: number) {
    const { reports } = this.#options;
    return Promise.all([reports.linesBetween(worker, this.#began.epochMs, endedMs), reports.memoryBytes(worker)]);
  }
}
