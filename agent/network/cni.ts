import { parseJson, pluginError } from "./cni-result.ts";
import type { RunCommand } from "./commands.ts";
import type { Conflist } from "./conflist.ts";
import { findPlugin } from "./plugin-files.ts";

/** Name of a worker's interface inside its namespace. */
const interfaceName = "eth0";

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
   * @param namespacePath undefined when the namespace is gone
   * @param result of ADD, if that is known
   * @throws AgentError NETWORK_FAILED, the first one's
   */
  del(list: Conflist, id: string, namespacePath: string | undefined, result: unknown): Promise<void>;
}

export function createCni(run: RunCommand, folders: readonly string[]): Cni {
  async function exec(
    command: "ADD" | "DEL",
    list: Conflist,
    plugin: Conflist["plugins"][number],
    target: { id: string; namespacePath: string | undefined; prevResult: unknown },
    signal?: AbortSignal,
  ): Promise<string> {
    const { id, namespacePath, prevResult } = target;
    const config = { ...plugin, cniVersion: list.cniVersion, name: list.name, prevResult };
    const outcome = await run(await findPlugin(plugin.type, folders), [], {
      input: JSON.stringify(config),
      environment: {
        CNI_COMMAND: command,
        CNI_CONTAINERID: id,
        CNI_NETNS: namespacePath ?? "",
        CNI_IFNAME: interfaceName,
        CNI_PATH: folders.join(":"),
      },
      ...(signal && { signal }),
    });
    if (outcome.exitCode !== 0) throw pluginError(plugin.type, command, outcome.stdout, outcome.stderr);
    return outcome.stdout;
  }

  return {
    async add(list, id, namespacePath, signal) {
      let prevResult: unknown;
      for (const plugin of list.plugins) {
        const stdout = await exec("ADD", list, plugin, { id, namespacePath, prevResult }, signal);
        prevResult = parseJson(stdout);
        if (prevResult === undefined) throw pluginError(plugin.type, "ADD", `no JSON in its answer: ${stdout}`, "");
      }
      return prevResult;
    },
    async del(list, id, namespacePath, result) {
      const failures: unknown[] = [];
      for (const plugin of list.plugins.toReversed()) {
        try {
          await exec("DEL", list, plugin, { id, namespacePath, prevResult: result });
        } catch (error) {
          failures.push(error);
        }
      }
      if (failures.length > 0) throw failures[0];
    },
  };
}
