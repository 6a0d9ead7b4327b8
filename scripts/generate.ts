/**
 * Turns proto/ into proto/gen: TypeScript for agent and gateway, and esb.binpb, the descriptors that
 * gRPC reflection serves. Generated code is committed, so that a checkout runs without this script.
 *
 *   generate.ts                     format the protos, write proto/gen
 *   generate.ts --check             fail when proto/gen is not what the protos give
 *   generate.ts --breaking          fail when our contract breaks those who speak the accepted one
 *   generate.ts --accept-breaking   accept our contract as it is now
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs, promisify } from "node:util";

const root = join(import.meta.dirname, "..");
const generated = "proto/gen";
const descriptors = "esb.binpb";
const baseline = "proto/baseline.binpb";
/** Only what others speak to us; no comments, so that rewording one is no change. */
const ownContract = ["--path", "proto/esb", "--exclude-source-info", "--as-file-descriptor-set"];

/** A finding for whoever ran the script: shown without a stack. */
class Finding extends Error {}

/** Runs buf at the root; what buf complains of becomes a Finding. */
async function buf(...args: string[]): Promise<void> {
  try {
    await promisify(execFile)(join(root, "node_modules/.bin/buf"), args, { cwd: root });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    const words = [stdout, stderr].filter(Boolean).join("").trim();
    throw new Finding(`buf ${args[0]} failed:\n${words || String(error)}`);
  }
}

/** Generates below `base` as it would at the root. */
async function generateInto(base: string): Promise<void> {
  await buf("generate", "--output", base);
  // After the line above, which empties the folder first.
  await buf("build", "--output", join(base, generated, descriptors), ...ownContract);
}

async function filesOf(folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(relative(folder, path), await readFile(path));
  }
  return files;
}

/** What differs between two folders, a line per file. */
async function differences(expected: string, actual: string): Promise<string[]> {
  const wanted = await filesOf(expected);
  const found = await filesOf(actual).catch(() => new Map<string, Buffer>());
  const names = [...new Set([...wanted.keys(), ...found.keys()])].sort();
  return names.flatMap((name) => {
    const [want, have] = [wanted.get(name), found.get(name)];
    if (have === undefined) return [`missing: ${name}`];
    if (want === undefined) return [`left over: ${name}`];
    return want.equals(have) ? [] : [`differs: ${name}`];
  });
}

async function check(): Promise<void> {
  await buf("format", "--diff", "--exit-code");
  await using temporary = await temporaryFolder();
  await generateInto(temporary.path);
  const drift = await differences(join(temporary.path, generated), join(root, generated));
  if (drift.length > 0) {
    const list = drift.map((line) => `  ${line}`).join("\n");
    throw new Finding(`${generated} is not what the protos give:\n${list}\nRun: npm run generate`);
  }
}

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "esb-generate-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      check: { type: "boolean", default: false },
      breaking: { type: "boolean", default: false },
      "accept-breaking": { type: "boolean", default: false },
    },
  });
  if (values["accept-breaking"]) return buf("build", "--output", baseline, ...ownContract);
  if (values.breaking) await buf("breaking", "--against", baseline);
  if (values.check) await check();
  if (values.breaking || values.check) return;
  await buf("format", "--write");
  await generateInto(root);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Finding)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
