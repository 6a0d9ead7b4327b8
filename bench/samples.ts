/** Measured values of one kind, in milliseconds unless the row says otherwise. */
export type Samples = readonly number[];

/** The value that a share of the samples stays below: 0.5 is the median. */
export function percentile(samples: Samples, share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  if (value === undefined) throw new Error("no samples");
  return value;
}

export const median = (samples: Samples): number => percentile(samples, 0.5);

/** How long the work takes, in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** What a row of the table says; `ours` against `reference`, measured in turn in the same run. */
export interface Row {
  readonly name: string;
  readonly what: string;
  readonly against: string;
  readonly unit: string;
  readonly ours: Samples;
  readonly reference: Samples;
  /** The figure to reach, as `value` is counted. */
  readonly goal: string;
  readonly value: number;
  readonly reached: boolean | undefined;
  readonly note?: string;
}

/** A row whose figure is the ratio of the medians, to stay at or below a goal. */
export function ratioRow(
  row: Pick<Row, "name" | "what" | "against" | "ours" | "reference" | "note">,
  atMost: number,
): Row {
  const value = median(row.ours) / median(row.reference);
  return { ...row, unit: "ms", goal: `≤ ${atMost}`, value, reached: value <= atMost };
}

/** A row whose figure is how much more the median is, in milliseconds, to stay at or below a goal. */
export function differenceRow(
  row: Pick<Row, "name" | "what" | "against" | "ours" | "reference">,
  atMostMs: number,
): Row {
  const { ours, reference } = row;
  const value = median(ours) - median(reference);
  const note = `p99 ${percentile(ours, 0.99).toFixed(2)} ms against ${percentile(reference, 0.99).toFixed(2)} ms`;
  return { ...row, unit: "ms", goal: `≤ ${atMostMs} ms more`, value, reached: value <= atMostMs, note };
}
