import { glob } from "node:fs/promises";
import { join } from "node:path";

export interface Selection {
  readonly unit: readonly string[];
  readonly integration: readonly string[];
  /** Whether everything was asked for: then the checks run too. */
  readonly all: boolean;
}

/**
 * The test files that the arguments name: `unit`, `integration`, or parts of paths; all without arguments.
 * Unit tests stand beside the code; what is under test/ uses the real containerd and the kernel.
 * @throws Error when nothing matches
 */
export async function selectTests(root: string, args: readonly string[]): Promise<Selection> {
  const files: string[] = [];
  for await (const file of glob("{agent,bench,common,gateway,proto,scripts,test}/**/*.test.ts", { cwd: root })) {
    if (!isApart(file)) files.push(file);
  }
  return select(files, args, root);
}

/** They need a Docker engine, or AWS's clients and runtimes: scripts/test-deploy.ts and scripts/test-aws.ts run them. */
function isApart(file: string): boolean {
  return file.startsWith("test/deploy/") || file.startsWith("test/aws/");
}

export function select(files: readonly string[], args: readonly string[], root: string): Selection {
  const parts = args.filter((arg) => arg !== "unit" && arg !== "integration");
  const wanted = (kind: "unit" | "integration") =>
    args.includes(kind) || !(args.includes("unit") || args.includes("integration"));
  const chosen = (kind: "unit" | "integration") =>
    files
      .filter((file) => file.startsWith("test/") === (kind === "integration"))
      .filter((file) => wanted(kind) && (parts.length === 0 || parts.some((part) => file.includes(part))))
      .sort()
      .map((file) => join(root, file));
  const selection = { unit: chosen("unit"), integration: chosen("integration"), all: args.length === 0 };
  if (selection.unit.length + selection.integration.length === 0) {
    throw new Error(`no test file matches ${args.join(" ")}`);
  }
  return selection;
}
