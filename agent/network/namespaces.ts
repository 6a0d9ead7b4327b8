import { readdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Ip } from "./ip.ts";

/** Where `ip netns` keeps named network namespaces. */
export const namespacesFolder = "/run/netns";
/** NSFS_MAGIC of linux/magic.h: what a mounted namespace is. */
const nsfsMagic = 0x6e736673;

export interface Namespaces {
  pathOf(name: string): string;
  /** Makes a namespace whose loopback is up and whose later interfaces have no IPv6. @throws AgentError */
  create(name: string, signal: AbortSignal): Promise<void>;
  /** Whether it is really there: its file alone may be left over. */
  exists(name: string): Promise<boolean>;
  list(): Promise<string[]>;
}

export function createNamespaces(ip: Ip): Namespaces {
  return {
    pathOf: (name) => join(namespacesFolder, name),
    async create(name, signal) {
      const inside = "test ! -e /proc/sys/net/ipv6 || echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6";
      await ip.batch([`netns add ${name}`, `netns exec ${name} sh -c "${inside}; exec ip link set lo up"`], signal);
    },
    async exists(name) {
      try {
        return (await statfs(join(namespacesFolder, name))).type === nsfsMagic;
      } catch {
        return false;
      }
    },
    async list() {
      try {
        return await readdir(namespacesFolder);
      } catch {
        return [];
      }
    },
  };
}
