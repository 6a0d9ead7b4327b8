import { AgentError } from "../errors.ts";

export interface HeartbeatOptions {
  /** Asks for a sign of life. Rejects when none comes in time. */
  readonly ask: (signal: AbortSignal) => Promise<unknown>;
  /** Waits; ends early, without an error, when the signal aborts. */
  readonly delay: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  readonly intervalMs: number;
  /** Whom the error is about, such as "containerd at /run/x". */
  readonly who: string;
}

/** One may be our own fault: an agent that was itself stopped finds its deadlines passed. */
const failuresAllowed = 1;

/**
 * Follows a stream for as long as its source also answers: one that hangs, or whose process is stopped, keeps its
 * connections open and would seem to have no news for ever (S5).
 * @throws AgentError RUNTIME_UNAVAILABLE when the source answers no more; whatever the stream fails with
 */
export async function* whileAnswering<T>(
  options: HeartbeatOptions,
  follow: (signal: AbortSignal) => AsyncIterable<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  const over = new AbortController();
  const silence = new AbortController();
  const life = AbortSignal.any([signal, silence.signal]);
  void untilSilent(options, AbortSignal.any([signal, over.signal])).then((silent) => {
    if (silent) silence.abort();
  });
  try {
    yield* follow(life);
  } catch (error) {
    if (!silence.signal.aborted || signal.aborted) throw error;
    throw new AgentError("RUNTIME_UNAVAILABLE", `${options.who} is there but does not answer`, { cause: error });
  } finally {
    over.abort();
  }
}

/** @returns whether it is silent; false when the signal aborted */
async function untilSilent({ ask, delay, intervalMs }: HeartbeatOptions, signal: AbortSignal): Promise<boolean> {
  for (let failures = 0; !signal.aborted; ) {
    await delay(intervalMs, signal);
    if (signal.aborted) break;
    failures = await ask(signal).then(
      () => 0,
      () => failures + 1,
    );
    if (failures > failuresAllowed) return !signal.aborted;
  }
  return false;
}
