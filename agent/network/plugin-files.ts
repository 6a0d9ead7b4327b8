import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { AgentError } from "../errors.ts";
import type { Conflist } from "./conflist.ts";

/** Plugins that Debian's containernetworking-plugins has. */
const packaged = new Set(
  "bandwidth bridge dhcp firewall host-device host-local ipvlan loopback macvlan portmap ptp sbr static tuning vlan vrf".split(
    " ",
  ),
);

/**
 * The file of a plugin: the first of its name in the folders.
 * @throws AgentError NETWORK_FAILED that names the plugin, the folders and the package
 */
export async function findPlugin(type: string, folders: readonly string[]): Promise<string> {
  for (const folder of folders) {
    const path = join(folder, type);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // The next folder may have it.
    }
  }
  const source = packaged.has(type) ? "; apt install containernetworking-plugins" : "";
  throw new AgentError(
    "NETWORK_FAILED",
    `CNI plugin ${type} is not in ${folders.join(", ") || "any folder"} (ESB_CNI_BIN_DIR)${source}`,
  );
}

/** Checks that every plugin that a list needs is there. @throws AgentError NETWORK_FAILED for the first that is not */
export async function checkPlugins(list: Conflist, folders: readonly string[]): Promise<void> {
  for (const plugin of list.plugins) {
    await findPlugin(plugin.type, folders);
    if (plugin.ipam?.type !== undefined) await findPlugin(plugin.ipam.type, folders);
  }
}
