/**
 * Tests the images and compose files of deploy/ on a real Docker engine of their own; see docs/deployment.md.
 * Arguments select files by parts of their names. The last line counts.
 */
import { existsSync } from "node:fs";
import { chmod, rm, writeFile } from "node:fs/promises";
import { newSince, takeSnapshot } from "../test/support/leaks.ts";
import { installPackages, missingPackages, packagesToDeploy, withSystemFolders } from "./machine/packages.ts";
import { runPart } from "./testing/run-part.ts";
import { forgetSettings } from "./testing/settings.ts";

/**
 * How everything that an engine of the tests makes on this machine is named; the rest is in namespaces of its own. Other
 * things may come and go meanwhile.
 */
const traces = /esb-d|-namespace moby|\.cache\/docker/;
/** The first run fetches and builds everything. */
const fileTimeoutMs = 30 * 60_000;
const say = (line: string) => console.log(line);

process.env.PATH = withSystemFolders(process.env.PATH);
try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function main(parts: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error("A Docker engine needs root.");
  forgetSettings();
  await withoutServices(() => installPackages(missingPackages(packagesToDeploy), say));
  await runPart({
    pattern: "test/deploy/*.test.ts",
    names: parts,
    // They share an engine's images.
    concurrency: 1,
    fileTimeoutMs,
    leftBehind: async (before) => newSince(before, await takeSnapshot()).filter((line) => traces.test(line)),
    complete: false,
  });
}

/** Debian starts a package's services when it installs it, unless this file forbids it (invoke-rc.d(8)). */
async function withoutServices(install: () => void): Promise<void> {
  const policy = "/usr/sbin/policy-rc.d";
  const own = !existsSync(policy);
  if (own) {
    await writeFile(policy, "#!/bin/sh\nexit 101\n");
    await chmod(policy, 0o755);
  }
  try {
    install();
  } finally {
    if (own) await rm(policy);
  }
}
