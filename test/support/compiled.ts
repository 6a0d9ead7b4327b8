import { execFile } from "node:child_process";
import { mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");

/**
 * A static binary of one C file; compiled again when its source is newer.
 * @param source below test/fixtures
 * @returns path of the binary
 */
export async function compiled(name: string, source: string): Promise<string> {
  const from = join(root, "test/fixtures", source);
  const binary = join(root, ".cache", name);
  const [code, built] = await Promise.all([stat(from), stat(binary).catch(() => undefined)]);
  if (built !== undefined && built.mtimeMs >= code.mtimeMs) return binary;
  await mkdir(join(root, ".cache"), { recursive: true });
  const fresh = `${binary}.${process.pid}`;
  await promisify(execFile)("gcc", ["-O2", "-static", "-o", fresh, from]);
  await rename(fresh, binary);
  return binary;
}
