import { execFile } from "node:child_process";
import { join } from "node:path";
import { allCrossings } from "../boundaries.ts";

const root = join(import.meta.dirname, "../..");

export interface Check {
  readonly name: string;
  /** @throws with the finding as message */
  readonly run: () => Promise<void>;
}

const tool = (name: string) => join(root, "node_modules/.bin", name);
const script = (name: string, ...args: string[]) => [process.execPath, join(root, "scripts", name), ...args] as const;

/** Everything that is checked without running esb. */
export const checks: readonly Check[] = [
  { name: "types", run: () => command(tool("tsc")) },
  { name: "style and format", run: () => command(tool("biome"), "check", "--error-on-warnings") },
  { name: "unused code and packages", run: () => command(tool("knip"), "--no-progress") },
  { name: "import boundaries", run: boundaries },
  { name: "generated code", run: () => command(...script("generate.ts", "--check")) },
  { name: "the contract is compatible", run: () => command(...script("generate.ts", "--breaking")) },
  { name: "docs/configuration.md", run: () => command(...script("config-docs.ts", "--check")) },
];

/** What can be put right without a human. */
export const fixes: readonly Check[] = [
  { name: "format", run: () => command(tool("biome"), "check", "--write") },
  { name: "docs/configuration.md", run: () => command(...script("config-docs.ts")) },
];

async function boundaries(): Promise<void> {
  const found = await allCrossings(root);
  if (found.length > 0) throw new Error(found.join("\n"));
}

function command(file: string, ...args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(file, args, { cwd: root, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error([stdout, stderr].join("").trim() || error.message));
    });
  });
}
