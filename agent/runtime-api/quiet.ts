import type { Activity } from "./model/state.ts";

/** Those who wait until a worker takes an invocation at once. Nobody does, unless it has extensions. */
export class QuietWaiters {
  readonly #waiting = new Set<(takes: boolean) => void>();

  get any(): boolean {
    return this.#waiting.size > 0;
  }

  /**
   * @param activity the worker's @param callback told whether it takes one, or never will; at once when that is so
   * @returns how to stop waiting
   */
  wait(activity: Activity, callback: (takes: boolean) => void): () => void {
    this.#waiting.add(callback);
    this.tell(activity);
    return () => void this.#waiting.delete(callback);
  }

  tell(activity: Activity): void {
    if (activity !== "idle" && activity !== "ended") return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback(activity === "idle");
  }
}
