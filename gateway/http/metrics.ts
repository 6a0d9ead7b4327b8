import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { BreakerState } from "../breaker/breaker.ts";
import { type EnsuredWorker, phaseNames } from "../pool/agent.ts";
import type { PoolStatus } from "../pool/pools.ts";

/** `ok`: the function answered; `function_error`: it failed; `refused`: it was never reached. */
export type InvocationOutcome = "ok" | "function_error" | "refused";

/** What is counted of an invocation. */
export interface InvocationRecord {
  readonly function: string;
  readonly outcome: InvocationOutcome;
  /** Absent where it never had a worker. */
  readonly start: string | undefined;
  readonly durationMs: number;
}

/** What is counted of an answer at a route. */
export interface AnswerRecord {
  /** As routing.yml has it, or `preflight`; undefined: there was no route. */
  readonly route: string | undefined;
  readonly status: number;
}

export interface Metrics {
  readonly registry: Registry;
  onInvocation(record: InvocationRecord): void;
  onAnswer(record: AnswerRecord): void;
  onStarted(started: EnsuredWorker): void;
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Read at each scrape. */
export interface MetricsSources {
  readonly pools: () => readonly PoolStatus[];
  /** What the events of all waiting requests take. */
  readonly queuedBytes: () => number;
  readonly breakerState: (functionName: string) => BreakerState;
}

const breakerStates: Readonly<Record<BreakerState, number>> = { closed: 0, trying: 1, open: 2 };

export function createMetrics({ pools, queuedBytes, breakerState }: MetricsSources): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const invocations = new Counter({
    name: "esb_invocations_total",
    help: "Invocations by function and outcome.",
    labelNames: ["function", "outcome"],
    registers,
  });
  const answers = new Counter({
    name: "esb_route_answers_total",
    help: "Answers by route, as routing.yml has it, and status; `none` came to no route, `preflight` were answered for one.",
    labelNames: ["route", "status"],
    registers,
  });
  const starts = new Counter({
    name: "esb_invocation_starts_total",
    help: "Invocations by the state in which they found their worker.",
    labelNames: ["function", "start"],
    registers,
  });
  const durations = new Histogram({
    name: "esb_invocation_duration_seconds",
    help: "Time from the request's arrival until its answer was ready.",
    labelNames: ["function"],
    buckets: seconds,
    registers,
  });
  const phases = new Histogram({
    name: "esb_start_phase_seconds",
    help: "Phases of cold starts, as the agent measured them.",
    labelNames: ["phase"],
    buckets: seconds,
    registers,
  });
  const workerStarts = new Counter({
    name: "esb_worker_starts_total",
    help: "Workers that the agent has given, by function and kind: made (cold), thawed, or there already (warm).",
    labelNames: ["function", "kind"],
    registers,
  });
  new Counter({
    name: "esb_evictions_total",
    help: "Workers that have gone so that another function could have one.",
    labelNames: ["function"],
    registers,
    collect() {
      this.reset();
      for (const pool of pools()) this.inc({ function: pool.function }, pool.evictions);
    },
  });
  new Gauge({
    name: "esb_breaker_state",
    help: "Whether a function's starts are tried: 0 yes, 1 the next one decides, 2 not for a while.",
    labelNames: ["function"],
    registers,
    collect() {
      this.reset();
      for (const pool of pools()) this.set({ function: pool.function }, breakerStates[breakerState(pool.function)]);
    },
  });
  new Gauge({
    name: "esb_queue_bytes",
    help: "What the events of all requests that wait for a worker take.",
    registers,
    collect() {
      this.set(queuedBytes());
    },
  });
  new Gauge({
    name: "esb_queue_length",
    help: "Requests that wait for a worker.",
    labelNames: ["function"],
    registers,
    collect() {
      this.reset();
      for (const pool of pools()) this.set({ function: pool.function }, pool.waiting);
    },
  });
  new Gauge({
    name: "esb_workers",
    help: "Workers by state.",
    labelNames: ["function", "state"],
    registers,
    collect() {
      this.reset();
      for (const pool of pools()) {
        for (const state of pool.workerStates) {
          if (state !== "absent") this.inc({ function: pool.function, state });
        }
      }
    },
  });
  return {
    registry,
    onInvocation({ function: name, outcome, start, durationMs }) {
      invocations.inc({ function: name, outcome });
      if (start !== undefined) starts.inc({ function: name, start });
      durations.observe({ function: name }, durationMs / 1000);
    },
    onAnswer({ route = "none", status }) {
      answers.inc({ route, status });
    },
    onStarted({ worker, kind, phases: took }) {
      workerStarts.inc({ function: worker.function, kind });
      if (kind !== "cold") return;
      for (const phase of phaseNames) phases.observe({ phase }, took[phase] / 1000);
    },
  };
}
