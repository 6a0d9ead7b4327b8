import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Layer, LayerEntry } from "../../scripts/image/layer.ts";

const root = join(import.meta.dirname, "../..");

/** What Node's `require` and `import` read of a package; types, maps and documents only take room. */
const read = /(\.(c|m)?js|package\.json)$/;

/** npm packages of this tree as they are installed, with all that they depend on, under `/var/task/node_modules`. */
export async function packagesLayer(...names: readonly string[]): Promise<Layer> {
  const entries = await Promise.all((await packageFolders(...names)).map(filesOf));
  return { entries: entries.flat() };
}

/** Folders of npm packages of this tree, and of all that they depend on. */
export async function packageFolders(...names: readonly string[]): Promise<string[]> {
  const folders = new Set<string>();
  for (const name of names) await collect(name, root, folders);
  return [...folders];
}

async function collect(name: string, from: string, found: Set<string>): Promise<void> {
  const folder = installed(name, from);
  if (found.has(folder)) return;
  found.add(folder);
  const { dependencies = {} } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  for (const dependency of Object.keys(dependencies)) await collect(dependency, folder, found);
}

/** As Node finds it (nodejs.org/api/modules.html, loading from node_modules folders). */
function installed(name: string, from: string): string {
  const folder = join(from, "node_modules", name);
  if (existsSync(join(folder, "package.json"))) return folder;
  if (from === root) throw new Error(`${name} is not installed`);
  return installed(name, dirname(from));
}

async function filesOf(folder: string): Promise<LayerEntry[]> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  return files
    .map((file) => ({ file, source: join(file.parentPath, file.name) }))
    .filter(({ file, source }) => file.isFile() && read.test(file.name) && !isNested(relative(folder, source)))
    .map(({ source }) => ({ type: "copy", path: `/var/task/${relative(root, source)}`, source }));
}

/** Of another package, or a second form of the same. */
function isNested(path: string): boolean {
  return path.includes("node_modules/") || path.startsWith("dist-es/") || path.startsWith("dist-types/");
}
