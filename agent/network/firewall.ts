import { AgentError } from "../errors.ts";
import type { RunCommand } from "./commands.ts";
import { type FirewallPlan, installRules, removeRules } from "./firewall-rules.ts";

export interface Firewall {
  /** Makes our chains and rules what they should be; may be repeated. @throws AgentError NETWORK_FAILED */
  install(plan: FirewallPlan, signal: AbortSignal): Promise<void>;
  /** Removes our chains and rules; succeeds when there are none. @throws AgentError NETWORK_FAILED */
  remove(network: string): Promise<void>;
}

/** iptables, in two processes however many rules there are: all of a table changes at once or not at all. */
export function createFirewall(run: RunCommand): Firewall {
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
  return {
    install: async (plan, signal) => restore(installRules(plan, await save(signal)), signal),
    remove: async (network) => restore(removeRules(network, await save())),
  };
}

function failure(program: string, stderr: string): AgentError {
  const advice = "root with CAP_NET_ADMIN and the kernel's netfilter are needed; ESB_NETWORK=host does without";
  return new AgentError("NETWORK_FAILED", `${program} failed: ${stderr.trim()} (${advice})`);
}
