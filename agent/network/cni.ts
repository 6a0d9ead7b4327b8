import { parseJson, pluginError } from "./cni-result.ts";
import type { RunCommand } from "./commands.ts";
import type { Conflist } from "./conflist.ts";
import type { PluginCall } from "./detach-script.ts";
import { findPlugin } from "./plugin-files.ts";

/** Name of a worker's interface inside its namespace. */
const interfaceName = "eth0";

type Plugin = Conflist["plugins"][number];

/** Runs the plugins of a configuration list (CNI spec, "Section 2: Execution Protocol" and "Section 3"). */
export interface Cni {
  /**
   * Attaches a namespace; each plugin is given what the one before it returned.
   * @returns the last plugin's result, to be kept for DEL
   * @throws AgentError NETWORK_FAILED in the plugin's own words, NETWORK_EXHAUSTED
   */
  add(list: Conflist, id: string, namespacePath: string, signal: AbortSignal): Promise<unknown>;
  /**
   * Detaches; every plugin is asked, also when an earlier one failed.
   * @throws AgentError NETWORK_FAILED, the first one's
   */
  del(target: DelTarget): Promise<void>;
  /**
   * What `del` runs, in its order, for somebody else to run it.
   * @throws AgentError NETWORK_FAILED for a plugin that is not there
   */
  prepareDel(target: DelTarget): Promise<PluginCall[]>;
}

/** A container that is to be detached, and whose network namespace is gone. */
export interface DelTarget {
  readonly id: string;
  /** The list that it was attached with. */
  readonly list: Conflist;
  /** ADD's, if it is known. */
  readonly result: unknown;
}

export function createCni(run: RunCommand, folders: readonly string[]): Cni {
  async function prepare(
    command: "ADD" | "DEL",
    list: Conflist,
    plugin: Plugin,
    target: { id: string; namespacePath: string; prevResult: unknown },
  ): Promise<PluginCall> {
    const { id, namespacePath, prevResult } = target;
    return {
      file: await findPlugin(plugin.type, folders),
      input: JSON.stringify({ ...plugin, cniVersion: list.cniVersion, name: list.name, prevResult }),
      environment: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: id,
        CNI_NETNS: namespacePath,
        CNI_IFNAME: interfaceName,
        CNI_PATH: folders.join(":"),
      },
    };
  }

  /** The calls are made ready one by one: of a plugin that is not there, the others still have to hear. */
  const delCalls = ({ id, list, result }: DelTarget) =>
    list.plugins.toReversed().map((plugin) => ({
      plugin,
      prepare: () => prepare("DEL", list, plugin, { id, namespacePath: "", prevResult: result }),
    }));

  async function exec(plugin: Plugin, call: PluginCall, signal?: AbortSignal): Promise<string> {
    const { file, input, environment } = call;
    const outcome = await run(file, [], { input, environment, ...(signal && { signal }) });
    const command = environment.CNI_COMMAND ?? "";
    if (outcome.exitCode !== 0) throw pluginError(plugin.type, command, outcome.stdout, outcome.stderr);
    return outcome.stdout;
  }

  return {
    async add(list, id, namespacePath, signal) {
      let prevResult: unknown;
      for (const plugin of list.plugins) {
        const call = await prepare("ADD", list, plugin, { id, namespacePath, prevResult });
        const stdout = await exec(plugin, call, signal);
        prevResult = parseJson(stdout);
        if (prevResult === undefined) throw pluginError(plugin.type, "ADD", `no JSON in its answer: ${stdout}`, "");
      }
      return prevResult;
    },
    async del(target) {
      const failures: unknown[] = [];
      for (const { plugin, prepare } of delCalls(target)) {
        try {
          await exec(plugin, await prepare());
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
    prepareDel: (target) => Promise.all(delCalls(target).map(({ prepare }) => prepare())),
  };
}
