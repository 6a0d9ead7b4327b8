import type { FunctionFailure } from "../failures.ts";
import type { Invocation } from "../invocation.ts";
import type { SessionObserver, Worker } from "../worker.ts";
import type { Batches } from "./batches.ts";

/** An event of the Telemetry API (telemetry-schema-reference.html), or of the older Logs API. */
export interface TelemetryEvent {
  readonly time: string;
  readonly type: string;
  readonly record: object;
}

/** `logs`: the older Logs API, which knows fewer events, in fewer words. */
export type TelemetryFormat = "telemetry" | "logs";

interface Subscriber {
  readonly format: TelemetryFormat;
  readonly batches: Batches;
}

/** Who is told in each format; what an event of one format is in the other is up to whoever emits it. */
type Records = { readonly [format in TelemetryFormat]?: readonly [type: string, record: object] };

const initializing = { initializationType: "on-demand", phase: "init" } as const;
const mostSubscribers = 10;

/** Turns what happens in a worker into platform events for those of its extensions that subscribed to them. */
export class Telemetry implements SessionObserver {
  readonly #worker: Worker;
  readonly #time: () => Date;
  readonly #now: () => number;
  readonly #subscribers: Subscriber[] = [];
  /** Of init, most of which is over before an extension can subscribe. */
  readonly #early: TelemetryEvent[] = [];
  #initBegan = 0;
  #invocationBegan = 0;

  /** @param now milliseconds of a clock that is never set */
  constructor(worker: Worker, time: () => Date, now: () => number) {
    this.#worker = worker;
    this.#time = time;
    this.#now = now;
  }

  /** @returns whether there was room for it */
  subscribe(extension: string, types: readonly string[], format: TelemetryFormat, batches: Batches): boolean {
    if (this.#subscribers.length >= mostSubscribers) return false;
    if (types.includes("platform")) {
      this.#subscribers.push({ format, batches });
      if (format === "telemetry") for (const event of this.#early) batches.add(event);
    }
    const record = { name: extension, state: "Subscribed", types };
    this.#emit({
      telemetry: ["platform.telemetrySubscription", record],
      logs: ["platform.logsSubscription", record],
    });
    return true;
  }

  closed(): void {
    for (const { batches } of this.#subscribers) batches.close();
  }

  initStarted(): void {
    this.#initBegan = this.#now();
    const { functionName, functionVersion } = this.#worker;
    this.#emitEarly("platform.initStart", { ...initializing, functionName, functionVersion });
  }

  initEnded(failure: FunctionFailure | undefined): void {
    const ended =
      failure === undefined
        ? { status: "success" }
        : { status: failure.errorType === "Sandbox.Timedout" ? "timeout" : "failure", errorType: failure.errorType };
    this.#emitEarly("platform.initRuntimeDone", { ...initializing, ...ended });
    const metrics = { durationMs: rounded(this.#now() - this.#initBegan) };
    this.#emitEarly("platform.initReport", { ...initializing, ...ended, metrics });
    this.#early.length = 0;
  }

  started(invocation: Invocation): void {
    this.#invocationBegan = this.#now();
    if (this.#subscribers.length === 0) return;
    const record = { requestId: invocation.requestId, version: this.#worker.functionVersion };
    this.#emit({
      telemetry: ["platform.start", { ...record, ...tracing(invocation) }],
      logs: ["platform.start", record],
    });
  }

  runtimeDone(invocation: Invocation, failure: string | undefined, bytes: number): void {
    if (this.#subscribers.length === 0) return;
    const { requestId } = invocation;
    // "failure": the process has ended; "error": the function says so itself.
    const failed = failure === "Runtime.ExitError" ? "failure" : "error";
    const status = failure === undefined ? "success" : failed;
    const errorType = failure === undefined ? {} : { errorType: failure };
    const metrics = { durationMs: rounded(this.#now() - this.#invocationBegan), producedBytes: bytes };
    this.#emit({
      telemetry: ["platform.runtimeDone", { requestId, status, ...errorType, metrics, ...tracing(invocation) }],
      logs: ["platform.runtimeDone", { requestId, status }],
    });
    this.#emit({ logs: ["platform.end", { requestId }] });
  }

  #emitEarly(type: string, record: object): void {
    const event = { time: this.#time().toISOString(), type, record };
    this.#early.push(event);
    for (const { format, batches } of this.#subscribers) if (format === "telemetry") batches.add(event);
  }

  #emit(records: Records): void {
    const time = this.#time().toISOString();
    for (const { format, batches } of this.#subscribers) {
      const dropped = batches.takeDropped();
      if (dropped > 0) {
        const record = { reason: "The receiver was too slow", droppedRecords: dropped, droppedBytes: 0 };
        batches.add({ time, type: "platform.logsDropped", record });
      }
      const [type, record] = records[format] ?? [];
      if (type !== undefined) batches.add({ time, type, record });
    }
  }
}

function tracing({ traceId }: Invocation): object {
  return traceId === undefined ? {} : { tracing: { type: "X-Amzn-Trace-Id", value: traceId } };
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
