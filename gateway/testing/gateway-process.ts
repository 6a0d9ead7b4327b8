import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface GatewayProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly output: { out: string; error: string };
  /** Exit code and signal. */
  readonly exited: Promise<unknown[]>;
  /** Resolves once its log has this text. @throws when it ends before */
  logged(text: string): Promise<void>;
}

/** The gateway as a process of its own, with these variables, a run folder of its own and no others. */
export function runGateway(environment: Record<string, string>): GatewayProcess {
  const runDir = mkdtempSync(join(tmpdir(), "esb-run-"));
  const child = spawn(process.execPath, [join(import.meta.dirname, "../main.ts")], {
    env: {
      PATH: process.env.PATH,
      ESB_RUN_DIR: runDir,
      ESB_STATE_DIR: runDir,
      ESB_MODE: "development",
      ESB_ROUTING: "none",
      ESB_WORKER_API_PORT: "0",
      ...environment,
    },
  });
  const output = { out: "", error: "" };
  child.stdout.on("data", (chunk) => {
    output.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.error += chunk;
  });
  const exited = once(child, "close");
  return {
    child,
    output,
    exited,
    async logged(text) {
      while (!output.out.includes(text)) {
        if (child.exitCode !== null) throw new Error(`the gateway ended: ${output.out}${output.error}`);
        await Promise.race([once(child.stdout, "data"), exited]);
      }
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
      await rm(runDir, { recursive: true, force: true });
    },
  };
}

/** A functions.yml in a folder of its own. */
export async function functionsFile(functions: string) {
  const dir = await mkdtemp(join(tmpdir(), "esb-main-"));
  const file = join(dir, "functions.yml");
  await writeFile(file, functions);
  return { file, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}
