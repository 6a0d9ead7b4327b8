import { quantile, type Trend } from "./samples.ts";

/** Latencies by how the request ended, in milliseconds. */
export type Endings = ReadonlyMap<string, readonly number[]>;

export interface Outcome {
  readonly seed: number;
  readonly seconds: number;
  readonly endings: Endings;
  readonly actions: ReadonlyMap<string, number>;
  /** Workers that were taken back at starts of the agent, and how often it started. */
  readonly adoptions: number;
  readonly agentStarts: number;
  readonly leaks: readonly string[];
  readonly trends: Readonly<Record<string, Trend | undefined>>;
  readonly violations: number;
}

/** A run as a table. */
export function reportOf(outcome: Outcome): string {
  const all = [...outcome.endings.values()].reduce((sum, latencies) => sum + latencies.length, 0);
  const endings = [...outcome.endings].sort(([a], [b]) => (a < b ? -1 : 1));
  const ms = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
  return [
    `chaos, seed ${outcome.seed}, ${outcome.seconds.toFixed(0)} s, ${all} requests`,
    "",
    table([
      ["requests", "count", "median", "p99", "slowest"],
      ...endings.map(([kind, latencies]) => [
        kind,
        String(latencies.length),
        ms(quantile(latencies, 0.5)),
        ms(quantile(latencies, 0.99)),
        ms(Math.max(...latencies.slice(0, 1), quantile(latencies, 1))),
      ]),
    ]),
    table([["actions", "count"], ...[...outcome.actions].sort().map(([name, count]) => [name, String(count)])]),
    table([
      ["process", "memory early", "late", "most", "open files early", "late"],
      ...Object.entries(outcome.trends).map(([name, trend]) =>
        trend === undefined
          ? [name, "-", "-", "-", "-", "-"]
          : [
              name,
              mib(trend.early.rssMib),
              mib(trend.late.rssMib),
              mib(trend.mostRssMib),
              `${trend.early.fds}`,
              `${trend.late.fds}`,
            ],
      ),
    ]),
    `starts of the agent: ${outcome.agentStarts}, workers adopted at them: ${outcome.adoptions}`,
    `leaks: ${outcome.leaks.length}${outcome.leaks.map((leak) => `\n  ${leak}`).join("")}`,
    `violations: ${outcome.violations}`,
  ].join("\n");
}

function mib(value: number): string {
  return `${value.toFixed(0)} MiB`;
}

/** Columns as wide as their widest cell; all but the first to the right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  "),
  );
  return `${lines.join("\n")}\n`;
}
