import { glob } from "node:fs/promises";
import { join } from "node:path";
import { buildCached } from "../../../scripts/image/cached.ts";
import type { LayerEntry } from "../../../scripts/image/layer.ts";
import { nodeRuntimeLayer } from "../../../scripts/image/layers.ts";
import { frameworksSource, installFrameworks } from "./install.ts";

export const frameworksImage = "localhost/esb-frameworks:latest";

/** What a package runs by: the rest, half of all files, are types, source maps and documents. */
const modulePatterns = ["**/*.{js,cjs,mjs,json}"];

/** Path of an archive with all applications; a function's handler says which one it is: `apps/koa.handler`. */
export async function frameworksArchive(): Promise<string> {
  const path = join(import.meta.dirname, "../../../.cache/images/frameworks.tar");
  const modules = await installFrameworks();
  await buildCached(
    {
      name: frameworksImage,
      config: {
        Entrypoint: ["/usr/local/bin/node", "/var/task/server.mjs"],
        Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "NODE_ENV=production"],
        WorkingDir: "/var/task",
      },
      layers: [
        await nodeRuntimeLayer(),
        { entries: await files(modules, modulePatterns, "/var/task/node_modules") },
        { entries: await files(frameworksSource, ["*.mjs", "apps/*.mjs"], "/var/task") },
      ],
    },
    path,
  );
  return path;
}

async function files(from: string, patterns: string[], to: string): Promise<LayerEntry[]> {
  const entries: LayerEntry[] = [];
  for await (const entry of glob(patterns, { cwd: from, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    entries.push({ type: "copy", path: `${to}${source.slice(from.length)}`, source });
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}
