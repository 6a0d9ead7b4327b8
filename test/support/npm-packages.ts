import { existsSync } from "node:fs";
import { copyFile, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buildStep } from "./build-step.ts";
import { cached } from "./cached.ts";

const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];

/**
 * Installs what a package.json and its package-lock.json name into a folder of its own, once for each lock; nothing of
 * it ever reaches our own node_modules. No package's scripts run, unless `compile` does.
 * @param name as `cached` has it
 * @param source the folder of the two files
 * @returns the node_modules folder
 */
export async function installPackages(
  name: string,
  source: string,
  compile?: (folder: string) => Promise<void>,
): Promise<string> {
  const lock = await readFile(join(source, "package-lock.json"), "utf8");
  const folder = await cached(name, lock, async (work) => {
    for (const file of ["package.json", "package-lock.json"]) await copyFile(join(source, file), join(work, file));
    await buildStep("npm", ["ci", "--ignore-scripts", ...quiet], { cwd: work, limit: 240 });
    await compile?.(work);
  });
  return join(folder, "node_modules");
}

/**
 * Runs the scripts of what is installed in a folder, with the headers that came with this Node: nothing is fetched. A
 * Node without headers leaves it to node-gyp to fetch them.
 */
export async function compilePackages(folder: string): Promise<void> {
  const node = dirname(dirname(process.execPath));
  const environment = existsSync(join(node, "include/node/node_version.h")) ? { npm_config_nodedir: node } : {};
  await buildStep("npm", ["rebuild", "--ignore-scripts=false", "--loglevel=error"], { cwd: folder, environment });
}
