import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../../..");
const cache = join(root, ".cache/frameworks");

/** Where the applications of other people's frameworks are. */
export const frameworksSource = join(root, "test/fixtures/frameworks");

/**
 * Installs what the applications need into a folder of its own, once for each package-lock.json; nothing of it ever
 * reaches our own node_modules, and no package's scripts run.
 * @returns the node_modules folder
 */
export async function installFrameworks(): Promise<string> {
  const lock = await readFile(join(frameworksSource, "package-lock.json"));
  const installed = join(cache, createHash("sha256").update(lock).digest("hex").slice(0, 16));
  const modules = join(installed, "node_modules");
  if ((await stat(modules).catch(() => undefined)) !== undefined) return modules;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, ".installing-"));
  try {
    for (const name of ["package.json", "package-lock.json"]) {
      await copyFile(join(frameworksSource, name), join(work, name));
    }
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    await promisify(execFile)("npm", ["ci", ...options], { cwd: work });
    await rename(work, installed).catch(async (error: NodeJS.ErrnoException) => {
      // Another test process was quicker.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return modules;
}
