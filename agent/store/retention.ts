import type { Entry } from "./database.ts";

const keptErrors = 1000;
const errorAgeMs = 24 * 60 * 60 * 1000;

/** Which workers in ERROR are forgotten: old ones, and of too many the oldest. @returns their ids */
export function expiredErrors(entries: Iterable<Entry>, nowMs: number): string[] {
  const errors = [...entries].filter(({ record }) => record.state === "ERROR");
  const newestFirst = errors.sort((a, b) => b.changedAtMs - a.changedAtMs);
  return newestFirst
    .filter(({ changedAtMs }, index) => index >= keptErrors || nowMs - changedAtMs > errorAgeMs)
    .map(({ record }) => record.workerId);
}
