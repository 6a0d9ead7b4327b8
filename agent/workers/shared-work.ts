/**
 * Work that several callers may wait for: it is begun by the first, joined by the others, and aborted when the last
 * of them has gone.
 */
export class SharedWork<T> {
  readonly #running = new Map<string, { promise: Promise<T>; controller: AbortController; callers: number }>();

  /**
   * Joins the work of this key, or begins it.
   * @param signal the caller's own; when it aborts, this caller stops waiting at once
   */
  async run(key: string, work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    let entry = this.#running.get(key);
    // Work that was aborted still cleans up behind itself; whoever comes now begins anew, behind it.
    if (entry === undefined || entry.controller.signal.aborted) entry = this.#begin(key, work);
    const joined = entry;
    joined.callers += 1;
    const left = Promise.withResolvers<never>();
    const leave = () => left.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([joined.promise, left.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      joined.callers -= 1;
      // Work that is over is not in the map any more; a signal of its own that aborts late would only mislead.
      if (joined.callers === 0 && this.#running.get(key) === joined) joined.controller.abort(signal.reason);
    }
  }

  /** Aborts the work of every key that matches; its callers fail with the reason, once it has cleaned up. */
  abortWhere(matches: (key: string) => boolean, reason: unknown): void {
    for (const [key, { controller }] of this.#running) if (matches(key)) controller.abort(reason);
  }

  #begin(key: string, work: (signal: AbortSignal) => Promise<T>) {
    const controller = new AbortController();
    const promise = work(controller.signal)
      .catch((error: unknown) => {
        // A library tells of an abort in its own words, which say nothing of why.
        throw controller.signal.aborted && isAbortError(error) ? controller.signal.reason : error;
      })
      .finally(() => {
        if (this.#running.get(key) === entry) this.#running.delete(key);
      });
    // The callers that left do not hear of its failure; that is no unhandled rejection.
    promise.catch(() => undefined);
    const entry = { promise, controller, callers: 0 };
    this.#running.set(key, entry);
    return entry;
  }
}

function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}
