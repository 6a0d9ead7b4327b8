import { execFile, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../../..");
const cache = join(root, ".cache/runtimes");
const run = promisify(execFile);

/** Handlers for AWS's runtime interface clients, a folder for each language. */
export const runtimesSource = join(root, "test/fixtures/runtimes");

/** From PyPI; its wheels carry all that it needs. */
const pythonClient = "awslambdaric==4.2.2";

/** What the Node client's native part is compiled with. */
const nodeTools = ["cmake", "make", "g++", "python3", "xz"];

/** Why AWS's client for Node cannot be built here; undefined: it can. */
export function nodeClientMissing(): string | undefined {
  return missing(nodeTools);
}

/** Why AWS's client for Python cannot run here; undefined: it can. */
export function pythonClientMissing(): string | undefined {
  return missing(["python3"]);
}

/**
 * aws-lambda-ric as npm has it, compiled; once for each package-lock.json, which takes a minute or two.
 * @returns its node_modules folder
 */
export async function installNodeClient(): Promise<string> {
  const source = join(runtimesSource, "node");
  const lock = await readFile(join(source, "package-lock.json"), "utf8");
  const folder = await cached(`node-${process.arch}`, lock, async (work) => {
    for (const name of ["package.json", "package-lock.json"]) await copyFile(join(source, name), join(work, name));
    const options = ["--ignore-scripts=false", "--no-audit", "--no-fund", "--loglevel=error"];
    await run("npm", ["ci", ...options], { cwd: work, maxBuffer: 64 * 1024 * 1024 });
  });
  return join(folder, "node_modules");
}

/** awslambdaric and what it needs, as PyPI has them; @returns the folder for PYTHONPATH */
export function installPythonClient(): Promise<string> {
  const version = spawnSync("python3", ["--version"], { encoding: "utf8" }).stdout;
  return cached(`python-${process.arch}`, `${pythonClient} ${version}`, async (work) => {
    await run("python3", ["-m", "pip", "install", "--quiet", "--no-compile", "--target", work, pythonClient]);
  });
}

/** A folder that `make` fills once for each content of `key`, also when several processes want it at once. */
async function cached(name: string, key: string, make: (work: string) => Promise<void>): Promise<string> {
  const folder = join(cache, `${name}-${createHash("sha256").update(key).digest("hex").slice(0, 16)}`);
  if ((await stat(folder).catch(() => undefined)) !== undefined) return folder;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, ".installing-"));
  try {
    await make(work);
    await rename(work, folder).catch((error: NodeJS.ErrnoException) => {
      // Another test process was quicker.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

function missing(tools: readonly string[]): string | undefined {
  const absent = tools.filter((tool) => spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0);
  return absent.length === 0 ? undefined : `not here: ${absent.join(", ")}`;
}
