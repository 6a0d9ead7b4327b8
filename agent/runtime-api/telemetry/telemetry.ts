import type { FunctionFailure } from "../failures.ts";
import type { Invocation } from "../invocation.ts";
import type { RegisteredExtension, SessionObserver, Worker } from "../worker.ts";
import type { Batches } from "./batches.ts";
import type { Feed } from "./feed.ts";
import { InOrder, type InOrderParts } from "./in-order.ts";
import { lineItem, type TelemetryFormat, type TelemetryItem, type TelemetryType } from "./item.ts";
import { reportMetrics } from "./report.ts";
import { rounded } from "./rounded.ts";
import { Subscribers } from "./subscribers.ts";

export interface TelemetryParts extends Pick<InOrderParts, "now" | "after"> {
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly feed: Pick<Feed, "follow" | "measure">;
  /** Calls back once neither the runtime nor an extension works any more; returns what cancels that. */
  readonly whenQuiet: (callback: () => void) => () => void;
}

/** An invocation that platform.report is still to be told of. */
interface Unreported {
  readonly invocation: Invocation;
  readonly outcome: object;
  readonly beganMs: number;
}

const initializing = { initializationType: "on-demand", phase: "init" } as const;

/** Turns what happens in a worker, and what it prints, into events for those of its extensions that subscribed to them. */
export class Telemetry implements SessionObserver {
  readonly #worker: Worker;
  readonly #parts: TelemetryParts;
  readonly #subscribers = new Subscribers();
  readonly #ordered: InOrder;
  #unfollow: (() => void) | undefined;
  #initBegan = 0;
  /** Told with the first report. */
  #initMs: number | undefined;
  #invocationBegan = 0;
  #unreported: Unreported | undefined;
  #stopWaiting: (() => void) | undefined;
  #peakBytes: number | undefined;
  #initializing = true;

  constructor(worker: Worker, parts: TelemetryParts) {
    this.#worker = worker;
    this.#parts = parts;
    this.#ordered = new InOrder({ ...parts, tell: (item) => this.#tell(item) });
  }

  /** @returns whether there was room for it */
  subscribe(extension: string, types: readonly TelemetryType[], format: TelemetryFormat, batches: Batches): boolean {
    if (!this.#subscribers.add({ format, types, batches })) return false;
    if (this.#subscribers.want("function", "extension") && this.#unfollow === undefined) {
      this.#ordered.expectLines();
      this.#unfollow = this.#parts.feed.follow(this.#worker, (lines) => {
        for (const line of lines) this.#ordered.line(lineItem(line));
      });
    }
    const record = { name: extension, state: "Subscribed", types };
    this.#subscribers.tell(
      this.#item({
        telemetry: ["platform.telemetrySubscription", record],
        logs: ["platform.logsSubscription", record],
      }),
    );
    return true;
  }

  closed(): void {
    this.#unfollow?.();
    this.#ordered.flush();
    this.#subscribers.close();
  }

  ending(): void {
    this.#ordered.flush();
    this.#subscribers.hurry();
  }

  initStarted(): void {
    this.#initBegan = this.#parts.now();
    const { functionName, functionVersion } = this.#worker;
    this.#emit({ telemetry: ["platform.initStart", { ...initializing, functionName, functionVersion }] }, "begins");
  }

  initEnded(failure: FunctionFailure | undefined, extensions: Iterable<RegisteredExtension>): void {
    this.#initMs = this.#parts.now() - this.#initBegan;
    const ended =
      failure === undefined
        ? { status: "success" }
        : { status: failure.errorType === "Sandbox.Timedout" ? "timeout" : "failure", errorType: failure.errorType };
    this.#emit({ telemetry: ["platform.initRuntimeDone", { ...initializing, ...ended }] });
    for (const { name, events, waiting } of extensions) {
      const record = { name, state: waiting ? "Ready" : "Registered", events };
      this.#emit({ telemetry: ["platform.extension", record], logs: ["platform.extension", record] });
    }
    const metrics = { durationMs: rounded(this.#initMs) };
    this.#emit({ telemetry: ["platform.initReport", { ...initializing, ...ended, metrics }] });
    this.#initializing = false;
    this.#subscribers.closeSubscription();
  }

  started(invocation: Invocation): void {
    this.#invocationBegan = this.#parts.now();
    if (!this.#subscribers.want("platform")) return;
    this.#report();
    const record = { requestId: invocation.requestId, version: this.#worker.functionVersion };
    this.#emit(
      { telemetry: ["platform.start", { ...record, ...tracing(invocation) }], logs: ["platform.start", record] },
      "begins",
    );
  }

  runtimeDone(invocation: Invocation, failure: string | undefined, bytes: number): void {
    if (!this.#subscribers.want("platform")) return;
    const { requestId } = invocation;
    const status = statusOf(failure);
    const outcome = { status, ...(failure === undefined ? {} : { errorType: failure }) };
    const metrics = { durationMs: rounded(this.#parts.now() - this.#invocationBegan), producedBytes: bytes };
    this.#emit({
      telemetry: ["platform.runtimeDone", { requestId, ...outcome, metrics, ...tracing(invocation) }],
      logs: ["platform.runtimeDone", { requestId, status }],
    });
    this.#emit({ logs: ["platform.end", { requestId }] });
    this.#unreported = { invocation, outcome, beganMs: this.#invocationBegan };
    this.#stopWaiting = this.#parts.whenQuiet(() => this.#report());
  }

  /** All is done of the last invocation. */
  #report(): void {
    if (this.#unreported === undefined) return;
    const { invocation, outcome, beganMs } = this.#unreported;
    this.#unreported = undefined;
    // A worker that has the next invocation already is quiet much later, or never.
    this.#stopWaiting?.();
    const used = { durationMs: this.#parts.now() - beganMs, initMs: this.#initMs, memoryMib: this.#worker.memoryMib };
    this.#initMs = undefined;
    const timeMs = this.#parts.epochMs();
    void this.#parts.feed.measure(this.#worker).then((measured) => {
      this.#peakBytes = measured ?? this.#peakBytes;
      // Without it the report would be none; most of what else it says was in other events.
      if (this.#peakBytes === undefined) return;
      const metrics = reportMetrics({ ...used, peakBytes: this.#peakBytes });
      const { requestId } = invocation;
      const traced = tracing(invocation);
      const telemetry = ["platform.report", { requestId, ...outcome, metrics, ...traced }] as const;
      const logs = ["platform.report", { requestId, metrics, ...traced }] as const;
      this.#ordered.event({ of: "platform", timeMs, records: { telemetry, logs } }, false);
    });
  }

  #emit(records: TelemetryItem["records"], begins?: "begins"): void {
    this.#ordered.event(this.#item(records), begins !== undefined);
  }

  #item(records: TelemetryItem["records"]): TelemetryItem {
    return { of: "platform", timeMs: this.#parts.epochMs(), records };
  }

  #tell(item: TelemetryItem): void {
    if (this.#initializing) this.#subscribers.tellEarly(item);
    else this.#subscribers.tell(item);
  }
}

/** "failure": the process has ended; "error": the function says so itself. */
function statusOf(failure: string | undefined): string {
  if (failure === undefined) return "success";
  if (failure === "Sandbox.Timedout") return "timeout";
  return failure === "Runtime.ExitError" || failure === "Extension.Crash" ? "failure" : "error";
}

function tracing({ traceId }: Invocation): object {
  return traceId === undefined ? {} : { tracing: { type: "X-Amzn-Trace-Id", value: traceId } };
}
