import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  installPackages,
  missingPackages,
  packagesToTest,
  type SystemPackage,
  withSystemFolders,
} from "../scripts/machine/packages.ts";
import { forgetSettings } from "../scripts/testing/settings.ts";
import { startEsb, type TestEsb } from "../test/support/esb.ts";
import {
  staticRuntimeArchive,
  staticRuntimeImage,
  staticServerArchive,
  staticServerImage,
} from "../test/support/images.ts";
import { table, write } from "./report.ts";
import { api1, api2, apiToken, manyRoutes } from "./rows/api.ts";
import { burst } from "./rows/burst.ts";
import { cold } from "./rows/cold.ts";
import { destroy } from "./rows/destroy.ts";
import { firstByte } from "./rows/first-byte.ts";
import { memory } from "./rows/memory.ts";
import { runtimeApi } from "./rows/runtime-api.ts";
import { sweep } from "./rows/sweep.ts";
import { thaw } from "./rows/thaw.ts";
import { throughput } from "./rows/throughput.ts";
import { warm } from "./rows/warm.ts";
import type { Row } from "./samples.ts";
import { apiFunction, names, withRouting } from "./setting.ts";

const load: SystemPackage = {
  name: "wrk",
  why: "makes the load of the throughput row",
  neededBy: "testing",
  shownBy: ["wrk"],
};

type Measure = (esb: TestEsb) => Promise<Row>;

/** In the order of the table; those of one group share an esb. */
const groups: readonly { readonly freezeAfterMs: number; readonly rows: Readonly<Record<string, Measure>> }[] = [
  { freezeAfterMs: 50, rows: { cold, thaw, destroy } },
  // Requests straight to the worker are nothing that the gateway knows of: it would freeze the worker under them.
  { freezeAfterMs: -1, rows: { warm, runtimeApi, firstByte, api1, api2, apiToken, manyRoutes, throughput } },
  { freezeAfterMs: 50, rows: { burst, memory } },
  // Last: it ends the agent, and all that it leaves.
  { freezeAfterMs: -1, rows: { sweep } },
];

/** `npm run bench [-- row …]`: measures the rows, all by default, on an esb of its own; keeps the results of all. */
async function main(wanted: readonly string[]): Promise<void> {
  const known = groups.flatMap(({ rows }) => Object.keys(rows));
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`no row ${unknown.join(", ")}; there are ${known.join(", ")}`);
  installPackages(missingPackages([...packagesToTest, load]), console.error);
  const done: Row[] = [];
  for (const { freezeAfterMs, rows } of groups) {
    const chosen = Object.entries(rows).filter(([name]) => wanted.length === 0 || wanted.includes(name));
    if (chosen.length === 0) continue;
    await using esb = await startBenchEsb(freezeAfterMs);
    for (const [name, measure] of chosen) {
      console.error(`measuring ${name}`);
      done.push(await measure(esb));
    }
  }
  console.log(table(done));
  if (wanted.length > 0) {
    console.error("results/ stays as it is: only a run of all rows is kept there");
    return;
  }
  const folder = join(import.meta.dirname, "results");
  await write(done, folder, { containerd: await version("containerd"), runc: await version("runc") });
}

const runtimeFunction = `  runtime: { image: "${staticRuntimeImage}", memory: 128 }\n`;

function startBenchEsb(freezeAfterMs: number): Promise<TestEsb> {
  const functions = ["static", ...names("frozen", 20)].map(
    (name) => `  ${name}: { image: "${staticServerImage}", memory: 128 }`,
  );
  return withRouting(async (routingFile) =>
    startEsb({
      runtimeApi: true,
      archives: [await staticServerArchive(), await staticRuntimeArchive()],
      functions: `functions:\n${functions.join("\n")}\n${runtimeFunction}${apiFunction}`,
      settings: {
        ESB_FREEZE_AFTER_MS: String(freezeAfterMs),
        ESB_MEMORY_PERCENT: "1000",
        ESB_ROUTING: routingFile,
        LOG_LEVEL: "warn",
      },
    }),
  );
}

async function version(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)(command, ["--version"]);
  return stdout.split("\n")[0] ?? "";
}

process.env.PATH = withSystemFolders(process.env.PATH);
forgetSettings();
await main(process.argv.slice(2));
