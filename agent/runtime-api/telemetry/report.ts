import { rounded } from "./rounded.ts";

/** What an invocation has taken. */
export interface Used {
  /** From when the function had it until function and extensions waited for the next. */
  readonly durationMs: number;
  /** Of the init phase, only for the first invocation. */
  readonly initMs: number | undefined;
  readonly memoryMib: number;
  /** The most memory that the worker has used in its life so far. */
  readonly peakBytes: number;
}

/** The metrics of platform.report (telemetry-schema-reference.html). Of a container image, its init is billed like the rest. */
export function reportMetrics({ durationMs, initMs, memoryMib, peakBytes }: Used): object {
  const [duration, init] = [rounded(durationMs), initMs === undefined ? undefined : rounded(initMs)];
  return {
    durationMs: duration,
    billedDurationMs: Math.ceil(duration + (init ?? 0)),
    memorySizeMB: memoryMib,
    maxMemoryUsedMB: Math.min(Math.ceil(peakBytes / 2 ** 20), memoryMib),
    ...(init === undefined ? {} : { initDurationMs: init }),
  };
}
