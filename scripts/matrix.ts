/**
 * Runs the integration tests on several versions of containerd and on cgroup v2, and prints a table.
 *
 *   matrix.ts [--only 1.7,2.x] [part of a test file's name …]
 */
import { execFile, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { parseArgs, promisify } from "node:util";
import { installPackages, missingPackages, packagesToTest, withSystemFolders } from "./machine/packages.ts";
import { fetchContainerd } from "./matrix/debs.ts";
import { chooseRows, countsOf, type Row, withUnifiedCgroups } from "./matrix/rows.ts";

const root = join(import.meta.dirname, "..");
const cache = join(root, ".cache/debs");
const logs = join(root, ".cache/matrix");

interface Result {
  readonly row: Row;
  readonly version: string;
  readonly outcome: string;
  readonly seconds: number;
  readonly ok: boolean;
}

try {
  process.env.PATH = withSystemFolders(process.env.PATH);
  const { values, positionals } = parseArgs({ options: { only: { type: "string" } }, allowPositionals: true });
  const chosen = chooseRows(values.only);
  installPackages(missingPackages(packagesToTest), console.log);
  await mkdir(logs, { recursive: true });
  const results: Result[] = [];
  for (const row of chosen) results.push(await runRow(row, positionals));
  print(results);
  if (results.some((result) => !result.ok)) process.exitCode = 1;
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function runRow(row: Row, filters: readonly string[]): Promise<Result> {
  const begin = performance.now();
  const log = join(logs, `${row.name}.log`);
  const done = (version: string, outcome: string, ok: boolean): Result => {
    const seconds = Math.round((performance.now() - begin) / 1000);
    console.log(`${row.name}: ${outcome} (${seconds} s${ok ? "" : `, see ${log}`})`);
    return { row, version, outcome, seconds, ok };
  };
  let binaries: string | undefined;
  try {
    if (row.suite !== undefined) {
      console.log(`${row.name}: containerd of ${row.suite}`);
      binaries = await fetchContainerd(row.suite, cache);
    }
  } catch (error) {
    return done("?", `cannot be fetched: ${(error as Error).message.split("\n").at(0)}`, false);
  }
  const version = await versionOf(binaries);
  console.log(`${row.name}: containerd ${version}${row.unified ? ", cgroup v2" : ""}`);
  const test = [process.execPath, join(root, "scripts/test.ts"), "integration", ...filters];
  const status = await runLogged(row.unified ? withUnifiedCgroups(test) : test, binaries, log);
  const counts = countsOf(await readFile(log, "utf8"));
  return done(version, counts ?? "broke off", status === 0 && counts !== undefined);
}

async function versionOf(binaries: string | undefined): Promise<string> {
  const file = binaries === undefined ? "containerd" : join(binaries, "containerd");
  const { stdout } = await promisify(execFile)(file, ["--version"]);
  return stdout.split(" ")[2] ?? "?";
}

/** Output goes to a log; only failures are shown as they come. */
async function runLogged(
  command: readonly string[],
  binaries: string | undefined,
  log: string,
): Promise<number | null> {
  const [file = "", ...args] = command;
  const sink = createWriteStream(log);
  const environment = { ...process.env, ...(binaries === undefined ? {} : { ESB_TEST_CONTAINERD_BIN: binaries }) };
  const child = spawn(file, args, { cwd: root, env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const show = (chunk: Buffer) => {
    sink.write(chunk);
    for (const line of chunk.toString().split("\n")) if (line.startsWith("FAILED")) console.log(`  ${line}`);
  };
  child.stdout.on("data", show);
  child.stderr.on("data", show);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  sink.end();
  await finished(sink);
  return status;
}

function print(results: readonly Result[]): void {
  console.log("\n| run | containerd | cgroups | outcome | time |\n|---|---|---|---|---|");
  for (const { row, version, outcome, seconds } of results) {
    const cgroups = row.unified ? "v2" : "the machine's";
    console.log(`| ${row.name} | ${version} | ${cgroups} | ${outcome} | ${seconds} s |`);
  }
}
