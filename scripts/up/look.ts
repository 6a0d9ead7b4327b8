import {
  capabilities,
  cgroups,
  type Finding,
  firewall,
  isRoot,
  links,
  type MachineCheck,
  overlay,
  plugins,
  port,
  room,
} from "../machine/checks.ts";
import { containerdVersion } from "./containerd.ts";
import { isRunning, readDaemon } from "./daemons.ts";
import type { ScriptSettings } from "./settings.ts";

/** What can be looked at before anything is installed. */
export const beforeInstalling: readonly MachineCheck[] = [isRoot, capabilities, overlay, cgroups];

/** What needs the installed packages. */
export async function afterInstalling(settings: ScriptSettings): Promise<MachineCheck[]> {
  const [agent, gateway] = await Promise.all(["agent", "gateway"].map((name) => runs(settings, name)));
  const network = settings.network === "cni" ? [links, firewall, plugins(settings.cniBinDirs)] : [];
  return [
    ...network,
    containerdSocket(settings),
    ...agentPort(settings, agent ?? false),
    port(
      "gateway",
      "ESB_GATEWAY_HOST or ESB_GATEWAY_PORT",
      settings.gatewayHost,
      settings.gatewayPort,
      gateway ?? false,
    ),
    room(settings.stateDir),
  ];
}

/** A line per check. @returns whether all is well */
export async function lookAt(checks: readonly MachineCheck[], say: (line: string) => void): Promise<boolean> {
  let well = true;
  for (const check of checks) {
    const finding = await check.look().catch(
      (error: Error): Finding => ({
        ok: false,
        found: error.message,
        advice: "this check itself failed; please report it",
      }),
    );
    say(lineOf(check.name, finding));
    well = well && finding.ok;
  }
  return well;
}

export function lineOf(name: string, finding: Finding): string {
  const line = `${finding.ok ? "ok   " : "WRONG"}  ${name.padEnd(20)} ${finding.found}`;
  return finding.ok ? line : `${line}\n       ${"".padEnd(20)} ${finding.advice}`;
}

function containerdSocket(settings: ScriptSettings): MachineCheck {
  const look = async (): Promise<Finding> => {
    const version = await containerdVersion(settings);
    const found = version === undefined ? "none answers, so one will be started" : `version ${version} answers`;
    return { ok: true, found: `${settings.containerdAddress}: ${found}` };
  };
  return { name: "containerd", look };
}

function agentPort(settings: ScriptSettings, ours: boolean): MachineCheck[] {
  const [host, number] = settings.agentAddress.split(/:(?=\d+$)/);
  if (settings.agentAddress.startsWith("unix:") || host === undefined || number === undefined) return [];
  // An IPv6 address is set apart from its port by brackets.
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  return [port("agent", "ESB_AGENT_ADDRESS", bare, Number(number), ours)];
}

async function runs(settings: ScriptSettings, name: string): Promise<boolean> {
  const daemon = await readDaemon(settings.runDir, name);
  return daemon !== undefined && (await isRunning(daemon));
}
