import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buildStep } from "../build-step.ts";
import { cached } from "../cached.ts";
import { compilePackages, installPackages } from "../npm-packages.ts";
import { missingOf } from "./programs.ts";

const root = join(import.meta.dirname, "../../..");

/** Handlers for AWS's runtime interface clients, a folder for each language. */
export const runtimesSource = join(root, "test/fixtures/runtimes");

/** What the Node client's native part is compiled with. */
const nodeTools = ["cmake", "make", "g++", "python3", "xz"];

/** Why AWS's client for Node cannot be built here; undefined: it can. */
export function nodeClientMissing(): string | undefined {
  return missingOf(nodeTools);
}

/** Why AWS's client for Python cannot run here; undefined: it can. */
export function pythonClientMissing(): string | undefined {
  const missing = missingOf(["python3"]);
  if (missing !== undefined) return missing;
  const asked = spawnSync("python3", ["-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"]);
  return asked.status === 0 ? undefined : "not here: python3 from 3.11 with pip (Debian: python3-pip)";
}

/** Why its version 3, which compiles libcurl too, cannot be built here; undefined: it can. */
export function nodeCallbackClientMissing(): string | undefined {
  return missingOf([...nodeTools, "autoreconf", "automake", "libtoolize"]);
}

/**
 * aws-lambda-ric as npm has it, compiled; once for each package-lock.json, which takes a minute or two.
 * @returns its node_modules folder
 */
export function installNodeClient(): Promise<string> {
  return installed("node", compilePackages);
}

/** Its last version that takes callbacks. @returns as above */
export function installNodeCallbackClient(): Promise<string> {
  return installed("node22-callbacks", compilePackages);
}

/** Node 22 as npm has it. @returns path of the program */
export async function installNode22(): Promise<string> {
  return join(await installed("node22"), `node-linux-${process.arch}/bin/node`);
}

function installed(name: string, compile?: (folder: string) => Promise<void>): Promise<string> {
  return installPackages(`runtimes/${name}-${process.arch}`, join(runtimesSource, name), compile);
}

/** awslambdaric and what it needs, as PyPI has them; @returns the folder for PYTHONPATH */
export async function installPythonClient(): Promise<string> {
  const requirements = join(runtimesSource, "python/requirements.txt");
  const version = spawnSync("python3", ["--version"], { encoding: "utf8" }).stdout;
  const key = `${await readFile(requirements, "utf8")}${version}`;
  return cached(`runtimes/python-${process.arch}`, key, (work) => {
    return pip(["install", "--no-compile", "--only-binary=:all:", "--target", work], requirements);
  });
}

/** AWS's emulator, the binary that AWS's SAM CLI brings along. @returns its path */
export async function installEmulator(): Promise<string> {
  const requirements = join(runtimesSource, "emulator/requirements.txt");
  const folder = await cached("runtimes/emulator", await readFile(requirements, "utf8"), async (work) => {
    await pip(["install", "--no-deps", "--no-compile", "--only-binary=:all:", "--target", work], requirements);
  });
  const architecture = process.arch === "x64" ? "x86_64" : process.arch;
  return join(folder, `samcli/local/rapid/aws-lambda-rie-${architecture}`);
}

/** Every file is held to the checksum that `requirements` has of it. */
async function pip(args: readonly string[], requirements: string): Promise<void> {
  const checked = ["--quiet", "--disable-pip-version-check", "--require-hashes", "-r", requirements];
  await buildStep("python3", ["-m", "pip", ...args, ...checked]);
}
