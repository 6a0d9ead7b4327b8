import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
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

export interface Metrics {
  readonly registry: Registry;
  onInvocation(record: InvocationRecord): void;
  onStarted(started: EnsuredWorker): void;
}

const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** @param pools read at each scrape */
export function createMetrics(pools: () => readonly PoolStatus[]): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const invocations = new Counter({
    name: "esb_invocations_total",
    help: "Invocations by function and outcome.",
    labelNames: ["function", "outcome"],
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
    onStarted({ kind, phases: took }) {
      if (kind !== "cold") return;
      for (const phase of phaseNames) phases.observe({ phase }, took[phase] / 1000);
    },
  };
}
