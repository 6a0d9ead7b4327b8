import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface BuildStep {
  readonly cwd?: string;
  /** Beside this process's own. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Seconds; 540 unless told: the longest compiles for three minutes on two cores. */
  readonly limit?: number;
}

/** Both of timeout(1): it ended what it ran, or had to kill it. */
const overdue: readonly unknown[] = [124, 137];

/**
 * Runs a step of what tests are made from, a download or a compiler, nicely. What has not ended within the limit is
 * ended with all that it began, and run once more: a download may stall for ever.
 * @returns what it printed
 * @throws Error with the end of what it printed
 */
export async function buildStep(
  command: string,
  args: readonly string[],
  { cwd, environment, limit = 540 }: BuildStep = {},
): Promise<string> {
  const name = [command, ...args].join(" ");
  // It gives the command a process group, and ends the whole of that.
  const limited = ["--kill-after=10", String(limit), "nice", "-n", "10", command, ...args];
  const options = { cwd, env: { ...process.env, ...environment }, maxBuffer: 64 * 2 ** 20 };
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    try {
      return (await promisify(execFile)("timeout", limited, options)).stdout;
    } catch (error) {
      const { code, stdout = "", stderr = "" } = error as { code?: unknown; stdout?: string; stderr?: string };
      if (overdue.includes(code)) continue;
      throw new Error(`${name}: exit code ${String(code)}\n${`${stdout}\n${stderr}`.slice(-2000)}`);
    }
  }
  throw new Error(`${name}: did not end within ${limit} s, twice`);
}
