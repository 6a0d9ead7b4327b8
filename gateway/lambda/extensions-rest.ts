import type { Clock } from "../pool/clock.ts";
import type { Lease, LeaseOutcome, WorkerConnection } from "../pool/lease.ts";

/** The way to a worker that tells when it is done with what lies behind an answer. */
export interface QuietConnection extends WorkerConnection {
  /** Resolves once the worker takes an invocation at once; false: it takes none any more. Rejects when nobody can tell. */
  untilQuiet(): Promise<boolean>;
}

/**
 * Keeps a worker that has answered while its extensions still work on the invocation. They have what is left of the
 * function's time, and a worker in which they take longer is not used again, as on AWS
 * (docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, "Invoke phase").
 * @param remainingMs what is left of it @param onLate called when they take longer
 * @returns how to release it
 */
export async function untilExtensionsRest(
  lease: Pick<Lease<QuietConnection>, "connection" | "onRemoved" | "linger">,
  remainingMs: number,
  clock: Pick<Clock, "after">,
  onLate: () => void,
): Promise<LeaseOutcome> {
  const { promise, resolve } = Promise.withResolvers<LeaseOutcome>();
  lease.linger();
  const cancel = clock.after(remainingMs, () => {
    onLate();
    resolve("broken");
  });
  lease.onRemoved(() => resolve("gone"));
  lease.connection.untilQuiet().then(
    (takes) => resolve(takes ? "done" : "broken"),
    () => resolve("broken"),
  );
  const outcome = await promise;
  cancel();
  return outcome;
}
