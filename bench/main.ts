import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { installPackages, missingPackages, packagesToTest, type SystemPackage } from "../scripts/machine/packages.ts";
import { startEsb, type TestEsb } from "../test/support/esb.ts";
import { staticServerArchive, staticServerImage } from "../test/support/images.ts";
import { table, write } from "./report.ts";
import { burst } from "./rows/burst.ts";
import { cold } from "./rows/cold.ts";
import { destroy } from "./rows/destroy.ts";
import { memory } from "./rows/memory.ts";
import { thaw } from "./rows/thaw.ts";
import { throughput } from "./rows/throughput.ts";
import { warm } from "./rows/warm.ts";
import type { Row } from "./samples.ts";
import { names } from "./setting.ts";

const load: SystemPackage = {
  name: "wrk",
  why: "makes the load of the throughput row",
  neededBy: "testing",
  shownBy: ["wrk"],
};

const rows: Record<string, (esb: TestEsb) => Promise<Row>> = { cold, thaw, destroy, warm, throughput, burst, memory };

/** `npm run bench [-- row …]`: measures the rows, all by default, on an esb of its own. */
async function main(wanted: readonly string[]): Promise<void> {
  const unknown = wanted.filter((name) => !(name in rows));
  if (unknown.length > 0) throw new Error(`no row ${unknown.join(", ")}; there are ${Object.keys(rows).join(", ")}`);
  installPackages(missingPackages([...packagesToTest, load]), console.error);
  const functions = ["static", ...names("frozen", 20)].map(
    (name) => `  ${name}: { image: "${staticServerImage}", memory: 128 }`,
  );
  await using esb = await startEsb({
    archives: [await staticServerArchive()],
    functions: `functions:\n${functions.join("\n")}\n`,
    settings: { ESB_FREEZE_AFTER_MS: "50", LOG_LEVEL: "warn" },
  });
  const done: Row[] = [];
  for (const [name, measure] of Object.entries(rows)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    console.error(`measuring ${name}`);
    done.push(await measure(esb));
  }
  const folder = join(import.meta.dirname, "results");
  await write(done, folder, { containerd: await version("containerd"), runc: await version("runc") });
  console.log(table(done));
}

async function version(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)(command, ["--version"]);
  return stdout.split("\n")[0] ?? "";
}

await main(process.argv.slice(2));
