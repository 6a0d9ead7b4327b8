import { mkdir, writeFile } from "node:fs/promises";
import { arch, cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { chart } from "./chart.ts";
import { median, percentile, type Row } from "./samples.ts";

const cell = (samples: readonly number[], unit: string) =>
  samples.length === 0 ? "" : `${figure(median(samples))} (p95 ${figure(percentile(samples, 0.95))}) ${unit}`;

const figure = (value: number) =>
  value >= 1000 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** The rows as a Markdown table. */
export function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const verdict = row.reached === undefined ? "" : row.reached ? "yes" : "no";
    const note = row.note === undefined ? "" : `; ${row.note}`;
    return `| ${row.what} | ${row.against} | ${cell(row.ours, row.unit)}${note} | ${cell(row.reference, row.unit)} | ${figure(row.value)} | ${row.goal} | ${verdict} |`;
  });
  return [
    "| what | against | ours, p50 | reference, p50 | figure | to reach | reached |",
    "|---|---|---|---|---|---|---|",
    ...lines,
  ].join("\n");
}

/** Writes the raw samples as JSON and the chart as SVG. */
export async function write(
  rows: readonly Row[],
  folder: string,
  versions: Readonly<Record<string, string>>,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    arch: arch(),
    node: process.version,
    ...versions,
  };
  const lines = rows.map((row) =>
    JSON.stringify(row, (_key, value) => (typeof value === "number" ? Math.round(value * 1000) / 1000 : value)),
  );
  const head = JSON.stringify({ at: new Date().toISOString(), machine }).slice(0, -1);
  await writeFile(join(folder, "samples.json"), `${head},"rows":[\n${lines.join(",\n")}\n]}\n`);
  await writeFile(join(folder, "chart.svg"), chart(rows));
}
