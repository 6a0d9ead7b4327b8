import type { WorkerAgent, WorkerInfo } from "./agent.ts";

/**
 * Thaws a worker whose freeze is still under way. Resume goes out right behind Pause; should the Pause be answered after
 * the Resume, or be lost with the agent, they may be carried out in that order, so Resume is sent once more (it succeeds
 * on a running worker).
 */
export async function resumeBehind(pause: Promise<void>, agent: WorkerAgent, worker: WorkerInfo): Promise<void> {
  let resumed = false;
  const pausedLast = pause.then(
    () => resumed,
    () => resumed,
  );
  await agent.resume(worker);
  resumed = true;
  if (await pausedLast) await agent.resume(worker);
}

/** The thaw of a worker that is not answered yet; whether it failed matters to the one who holds the lease. */
export class PendingThaw {
  readonly #onSettled: () => void;
  #thaw: Promise<void> | undefined;

  constructor(onSettled: () => void) {
    this.#onSettled = onSettled;
  }

  get pending(): boolean {
    return this.#thaw !== undefined;
  }

  follow(thaw: Promise<void>): void {
    this.#thaw = thaw;
    const settled = () => {
      if (this.#thaw !== thaw) return;
      this.#thaw = undefined;
      this.#onSettled();
    };
    thaw.then(settled, settled);
  }
}
