import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";

const cache = join(import.meta.dirname, "../../.cache/victoria-logs");
const program = "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs";

/**
 * A VictoriaLogs server for tests, built once from its Go module: go.mod beside this file says of which version, go.sum
 * holds its sources and all that they need to their checksums. A static binary without C code.
 * @returns its path
 * @throws Error when there is no Go, or the build fails
 */
export async function buildVictoriaLogs(): Promise<string> {
  const [, version] = /VictoriaMetrics (v\S+)/.exec(await readFile(join(import.meta.dirname, "go.mod"), "utf8")) ?? [];
  const path = join(cache, `victoria-logs-${version}`);
  if (existsSync(path)) return path;
  await mkdir(cache, { recursive: true });
  // Under a name of its own: others may build it at the same time.
  const made = `${path}.${process.pid}`;
  const args = [
    "build",
    "-mod=readonly",
    "-p",
    "2",
    "-trimpath",
    "-buildvcs=false",
    "-ldflags=-s -w",
    "-o",
    made,
    program,
  ];
  const child = spawn("nice", ["-n", "10", "go", ...args], {
    cwd: import.meta.dirname,
    env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`building VictoriaLogs needs Go 1.24 or later; go build ended with ${code}`);
  await rename(made, path);
  return path;
}
