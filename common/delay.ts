/** Waits; ends early, without an error, when the signal aborts. On the global timers, which tests can replace. */
export async function delay(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return;
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, milliseconds);
  const wake = () => over.resolve();
  signal?.addEventListener("abort", wake, { once: true });
  try {
    await over.promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", wake);
  }
}
