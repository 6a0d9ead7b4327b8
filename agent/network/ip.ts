import type { z } from "zod";
import { AgentError } from "../errors.ts";
import type { CommandOutcome, RunCommand } from "./commands.ts";

/** iproute2's `ip`, with as few processes as possible. */
export interface Ip {
  /**
   * Runs the lines in one process and stops at the first that fails.
   * @throws AgentError NETWORK_FAILED with ip's own words
   */
  batch(lines: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Runs all the lines, whichever fail: for removing what may be gone already. */
  batchAnyway(lines: readonly string[]): Promise<void>;
  /**
   * What `ip -json` says, parsed; undefined when ip fails, as it does for an interface that does not exist.
   */
  query<T>(args: readonly string[], schema: z.ZodType<T>, signal?: AbortSignal): Promise<T | undefined>;
}

export function createIp(run: RunCommand): Ip {
  return {
    async batch(lines, signal) {
      const outcome = await run("ip", ["-batch", "-"], { input: join(lines), ...(signal && { signal }) });
      if (outcome.exitCode !== 0) throw failure(lines, outcome);
    },
    async batchAnyway(lines) {
      if (lines.length > 0) await run("ip", ["-force", "-batch", "-"], { input: join(lines) });
    },
    async query(args, schema, signal) {
      const outcome = await run("ip", ["-json", ...args], signal && { signal });
      if (outcome.exitCode !== 0) return undefined;
      // Without any row, ip prints nothing or an empty list, depending on the object.
      return schema.parse(JSON.parse(outcome.stdout.trim() || "[]"));
    },
  };
}

function join(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function failure(lines: readonly string[], outcome: CommandOutcome): AgentError {
  const number = /Command failed -:(\d+)/.exec(outcome.stderr)?.[1];
  const line = number === undefined ? lines.join("; ") : lines[Number(number) - 1];
  const words = outcome.stderr.replace(/Command failed -:\d+\s*$/, "").trim();
  return new AgentError("NETWORK_FAILED", `ip ${line ?? ""}: ${words || `exit code ${outcome.exitCode}`}`);
}
