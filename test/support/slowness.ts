import assert from "node:assert/strict";

/** How much of its own time this process takes to find out how long it waits for the rest. */
const spinCpuUs = 30_000;

/**
 * How many times longer than its CPU time work takes at this moment, at least 1. Promised times are those of a machine
 * with time to spare: where everything waits for a processor, so does what was promised.
 */
export function slowness(): number {
  const begun = { cpu: process.cpuUsage(), ms: performance.now() };
  const usedUs = () => {
    const { user, system } = process.cpuUsage(begun.cpu);
    return user + system;
  };
  while (usedUs() < spinCpuUs);
  return Math.max(1, (performance.now() - begun.ms) / (usedUs() / 1000));
}

/**
 * Does something that is promised to be done within a time. On a machine with time to spare that time itself is the
 * limit; where work takes longer by a factor, so may this, and as much more since it is of several processes.
 * @param work has to end by itself
 */
export async function promptly<T>(promisedMs: number, work: () => Promise<T>): Promise<T> {
  const before = slowness();
  const begunMs = performance.now();
  const result = await work();
  assertPrompt(performance.now() - begunMs, promisedMs, before);
  return result;
}

/** As `promptly`, for what has been measured just now. @param before the slowness when it began, if that is known */
export function assertPrompt(tookMs: number, promisedMs: number, before = 1): void {
  if (tookMs < promisedMs) return;
  const factor = Math.max(before, slowness());
  const limitMs = promisedMs * (2 * factor - 1);
  assert.ok(tookMs < limitMs, `took ${Math.round(tookMs)} ms; promised were ${promisedMs}, times ${factor.toFixed(1)}`);
}
