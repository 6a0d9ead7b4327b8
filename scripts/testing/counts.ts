import type { Counts } from "./run-files.ts";

/**
 * What a run's last line counts.
 * @param succeeded by its exit code; a run that has not, has a failure though it may count none
 */
export function countsOf(lastLine: string, succeeded: boolean): Counts {
  const [, passed = 0, failed = 0, skipped = 0] =
    /^(\d+) passed, (\d+) failed, (\d+) skipped/.exec(lastLine)?.map(Number) ?? [];
  const counted = { passed, failed, skipped };
  const isCount = passed + failed + skipped > 0;
  return succeeded && isCount ? counted : { ...counted, failed: Math.max(1, failed) };
}

export function addCounts(total: Counts, more: Counts): void {
  total.passed += more.passed;
  total.failed += more.failed;
  total.skipped += more.skipped;
}
