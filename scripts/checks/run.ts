import { availableParallelism } from "node:os";
import PQueue from "p-queue";
import type { Check } from "./checks.ts";

export interface CheckResult {
  readonly name: string;
  /** Undefined when it passed. */
  readonly finding: string | undefined;
}

/** Runs checks side by side, a line for each as it ends, findings below it. */
export async function runChecks(checks: readonly Check[], say: (text: string) => void): Promise<CheckResult[]> {
  const queue = new PQueue({ concurrency: availableParallelism() });
  return queue.addAll(
    checks.map((check) => async (): Promise<CheckResult> => {
      const begin = performance.now();
      const finding = await check.run().then(
        () => undefined,
        (error: Error) => error.message,
      );
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      say(`${finding === undefined ? "ok    " : "FAILED"} ${check.name} (${seconds} s)`);
      if (finding !== undefined) say(finding);
      return { name: check.name, finding };
    }),
  );
}
