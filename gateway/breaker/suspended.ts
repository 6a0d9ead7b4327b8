/** A start that is not tried, because those before it have failed; its cause is what the last of them failed with. */
export class StartsSuspended extends Error {
  override readonly name = "StartsSuspended";
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number, lastError: unknown) {
    super(`the last starts have failed; the next is tried in ${Math.ceil(retryAfterMs / 1000)} s`, {
      cause: lastError,
    });
    this.retryAfterMs = retryAfterMs;
  }
}
