import { execFile, spawnSync } from "node:child_process";
import { glob, realpath } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Layer, LayerEntry } from "../../../scripts/image/layer.ts";

/** A program of this machine with the shared libraries that `ldd` lists. */
export async function programLayer(path: string, as = path): Promise<Layer> {
  const entry = { type: "copy", path: as, source: await realpath(path), mode: 0o755 } as const;
  return { entries: [entry, ...(await librariesOf([path]))] };
}

/** The shared libraries that `ldd` lists for these files, where this machine has them. */
export async function librariesOf(paths: readonly string[]): Promise<LayerEntry[]> {
  const { stdout } = await promisify(execFile)("ldd", [...paths], { maxBuffer: 16 * 2 ** 20 });
  const libraries = new Set(stdout.split("\n").flatMap((line) => /(\/\S+) \(0x/.exec(line)?.[1] ?? []));
  const entries = [...libraries].map(async (one): Promise<LayerEntry> => {
    return { type: "copy", path: one, source: await realpath(one), mode: 0o755 };
  });
  return Promise.all(entries);
}

/** Files of a folder, at the same places below another one; links are followed. */
export async function filesOf(from: string, patterns: readonly string[], to: string): Promise<LayerEntry[]> {
  const entries: LayerEntry[] = [];
  for await (const entry of glob(patterns, { cwd: from, withFileTypes: true })) {
    const source = join(entry.parentPath, entry.name);
    if (entry.isFile()) entries.push({ type: "copy", path: `${to}${source.slice(from.length)}`, source, mode: 0o755 });
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Why something cannot be made on this machine: commands that it lacks; undefined: nothing. */
export function missingOf(tools: readonly string[]): string | undefined {
  const absent = tools.filter((tool) => spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0);
  return absent.length === 0 ? undefined : `not here: ${absent.join(", ")}`;
}
