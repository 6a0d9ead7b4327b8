import { AgentError } from "../errors.ts";
import type { RunCommand } from "./commands.ts";
import { type FirewallPlan, installRules, ownLines, removeRules } from "./firewall-rules.ts";
import type { NetworkLogger } from "./managed.ts";

export interface Firewall {
  /**
   * Makes our chains and rules what they should be; repeated, it only looks whether they still are.
   * @returns whether anything had to be changed
   * @throws AgentError NETWORK_FAILED
   */
  install(plan: FirewallPlan, signal: AbortSignal): Promise<boolean>;
  /** Removes our chains and rules; succeeds when there are none. @throws AgentError NETWORK_FAILED */
  remove(network: string): Promise<void>;
}

/** iptables, in two processes however many rules there are: all of a table changes at once or not at all. */
export function createFirewall(run: RunCommand, logger: Pick<NetworkLogger, "warn">): Firewall {
  /** What was installed, and what iptables-save said of it: it has a spelling of its own. */
  let installed: { readonly plan: string; readonly lines: string } | undefined;

  const save = async (signal?: AbortSignal) => {
    const outcome = await run("iptables-save", [], signal && { signal });
    if (outcome.exitCode !== 0) throw failure("iptables-save", outcome.stderr);
    return outcome.stdout;
  };
  const restore = async (input: string, signal?: AbortSignal) => {
    if (input === "") return;
    // Others change the rules as well; wait for their lock.
    const outcome = await run("iptables-restore", ["--noflush", "-w", "10"], { input, ...(signal && { signal }) });
    if (outcome.exitCode !== 0) throw failure("iptables-restore", outcome.stderr);
  };
  /** Not every kernel has xt_connlimit; workers are as well off without, only the machine less so. */
  const restoreLimited = async (plan: FirewallPlan, saved: string, signal: AbortSignal) => {
    try {
      await restore(installRules(plan, saved), signal);
    } catch (error) {
      signal.throwIfAborted();
      if (plan.connectionsPerWorker === undefined) throw error;
      await restore(installRules({ ...plan, connectionsPerWorker: undefined }, saved), signal);
      logger.warn({ err: error }, "the number of a worker's connections is not limited: iptables refuses connlimit");
    }
  };
  return {
    async install(plan, signal) {
      const saved = await save(signal);
      const wanted = JSON.stringify(plan);
      if (installed?.plan === wanted && installed.lines === ownLines(plan.network, saved)) return false;
      await restoreLimited(plan, saved, signal);
      installed = { plan: wanted, lines: ownLines(plan.network, await save(signal)) };
      return true;
    },
    async remove(network) {
      installed = undefined;
      await restore(removeRules(network, await save()));
    },
  };
}

function failure(program: string, stderr: string): AgentError {
  const advice = "root with CAP_NET_ADMIN and the kernel's netfilter are needed; ESB_NETWORK=host does without";
  return new AgentError("NETWORK_FAILED", `${program} failed: ${stderr.trim()} (${advice})`);
}
