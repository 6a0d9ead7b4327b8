/** Stands before the start of a worker: lets it through, now or a little later, or refuses it without trying. */
export interface StartGuard {
  /**
   * Runs a start of this function.
   * @param signal nobody waits any more: what `start` then throws is no failure
   * @throws what `start` throws, or an error of the guard's own that says why it is not tried now
   */
  run<T>(functionName: string, start: () => Promise<T>, signal: AbortSignal): Promise<T>;
}
