import { glob, readFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";

interface Boundary {
  /** Folder whose files are held to it. */
  readonly from: string;
  /** Folders that they must not import from. */
  readonly never: readonly string[];
  readonly because: string;
}

/** What ARCHITECTURE.md promises about who knows whom. */
const boundaries: readonly Boundary[] = [
  { from: "agent/", never: ["gateway/"], because: "agent and gateway know each other by the contract in proto/ only" },
  { from: "gateway/", never: ["agent/"], because: "agent and gateway know each other by the contract in proto/ only" },
  {
    from: "agent/workers/",
    never: ["agent/containerd/", "agent/network/", "agent/oci/", "agent/server/"],
    because: "the domain declares what it needs and knows no implementation",
  },
  { from: "common/", never: ["agent/", "gateway/", "scripts/", "test/"], because: "everybody imports common/" },
  { from: "proto/gen/", never: ["agent/", "gateway/", "common/"], because: "it is generated" },
  { from: "agent/", never: ["scripts/", "test/", "bench/"], because: "what runs does not need what builds and tests" },
  {
    from: "gateway/",
    never: ["scripts/", "test/", "bench/"],
    because: "what runs does not need what builds and tests",
  },
];

const specifiers = /(?:\bfrom\s*|\bimport\s*\(?\s*)["'](\.[^"']+)["']/g;

/** A sentence for each import of a file that crosses a boundary. Tests, and what only they use, may import test/. */
export function crossings(file: string, source: string): string[] {
  const imported = [...source.matchAll(specifiers)].map(([, path = ""]) => normalize(join(dirname(file), path)));
  return boundaries
    .filter((boundary) => file.startsWith(boundary.from))
    .flatMap(({ never, because }) =>
      imported
        .filter((path) => never.some((folder) => path.startsWith(folder)))
        .filter((path) => !(isForTests(file) && path.startsWith("test/")))
        .map((path) => `${file} imports ${path}: ${because}`),
    );
}

function isForTests(file: string): boolean {
  return file.endsWith(".test.ts") || file.includes("/testing/");
}

/** The crossings of every file of ours below `root`. */
export async function allCrossings(root: string): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob("{agent,gateway,common,proto/gen}/**/*.ts", { cwd: root })) {
    found.push(...crossings(file, await readFile(join(root, file), "utf8")));
  }
  return found.sort();
}
