import { readdir, readFile } from "node:fs/promises";

/** What a process uses at one moment. */
export interface Sample {
  readonly atMs: number;
  readonly rssMib: number;
  readonly fds: number;
}

/** Bounds of growth between warm-up and end: beyond both, it is no longer flat. */
const growth = { factor: 1.5, rssMib: 40, fds: 60 };
/** The share of the run that is compared: the second tenth with the last. */
const window = { fromShare: 0.1, toShare: 0.3, lastShare: 0.2 };

/** Undefined when there is no such process. */
export async function sampleOf(pid: number | undefined, atMs: number): Promise<Sample | undefined> {
  if (pid === undefined) return undefined;
  try {
    const [status, fds] = await Promise.all([readFile(`/proc/${pid}/status`, "utf8"), readdir(`/proc/${pid}/fd`)]);
    const rss = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
    return rss === undefined ? undefined : { atMs, rssMib: Number(rss) / 1024, fds: fds.length };
  } catch {
    return undefined;
  }
}

export interface Trend {
  readonly early: { readonly rssMib: number; readonly fds: number };
  readonly late: { readonly rssMib: number; readonly fds: number };
  readonly mostRssMib: number;
  /** What has grown; a word each. */
  readonly grown: readonly string[];
}

/** Medians after the warm-up and at the end; undefined without samples in both. */
export function trendOf(samples: readonly Sample[], durationMs: number): Trend | undefined {
  const within = (from: number, to: number) =>
    samples.filter(({ atMs }) => atMs >= from * durationMs && atMs <= to * durationMs);
  const early = medians(within(window.fromShare, window.toShare));
  const late = medians(within(1 - window.lastShare, 1));
  if (early === undefined || late === undefined) return undefined;
  const grew = (what: "rssMib" | "fds") =>
    late[what] > early[what] * growth.factor && late[what] > early[what] + growth[what];
  const grown = (["rssMib", "fds"] as const).filter(grew);
  return { early, late, mostRssMib: Math.max(...samples.map(({ rssMib }) => rssMib)), grown };
}

function medians(samples: readonly Sample[]): { rssMib: number; fds: number } | undefined {
  if (samples.length === 0) return undefined;
  return {
    rssMib: quantile(
      samples.map(({ rssMib }) => rssMib),
      0.5,
    ),
    fds: quantile(
      samples.map(({ fds }) => fds),
      0.5,
    ),
  };
}

/** The value that this share of the values does not exceed; 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
