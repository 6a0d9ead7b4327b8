import type { LambdaError } from "../http/errors.ts";

const firstMs = 1000;
const longestMs = 30_000;
/** AWS's MaximumEventAgeInSeconds, as long as nobody says otherwise. */
const oldestMs = 6 * 3600_000;

/**
 * When an event is tried again that could not be given to a worker; undefined: not any more. As AWS, what is throttled
 * or failed for a reason of the system's is tried for six hours, ever more seldom
 * (docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
 * @param tries how many there have been
 */
export function retryAfterMs(refusal: Pick<LambdaError, "status">, tries: number, ageMs: number): number | undefined {
  if (refusal.status !== 429 && refusal.status < 500) return undefined;
  const waitMs = Math.min(firstMs * 2 ** (tries - 1), longestMs);
  return ageMs + waitMs > oldestMs ? undefined : waitMs;
}
