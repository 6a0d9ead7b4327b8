/** Stands between a pool and the starts of its workers: lets one through, or refuses it without trying. */
export interface StartGuard {
  /**
   * Runs a start of this function. An AbortError of it says that nobody waits any more, and is no failure.
   * @throws what `start` throws, or an error of the guard's own that says why it is not tried now
   */
  run<T>(functionName: string, start: () => Promise<T>): Promise<T>;
}
