import type { PluginLinks } from "./cni-result.ts";
import type { AttachmentRecord } from "./records.ts";

type Links = Pick<PluginLinks, "address" | "hardwareAddress" | "hostInterface">;

/**
 * Lines for `ip` that protect what the plugins made and give the worker its identity address: one more address of its
 * interface, and on the host a route to it by way of the worker's own. Isolated ports of a bridge cannot reach each
 * other, whatever iptables sees of bridged frames. The fixed neighbour keeps a worker that answers ARP for another
 * one's address from being sent that one's invocations.
 */
export function attachLines(id: string, links: Links, identity: string, bridge: string): string[] {
  return [
    `netns exec ${id} ip address add ${identity}/32 dev eth0`,
    ...isolation(links),
    ...neighbour(links, bridge),
    `route add ${identity}/32 via ${links.address} dev ${bridge}`,
  ];
}

/** Lines that put an attachment back on a bridge that was made anew. The neighbour last: if it fails, ip ends there. */
export function reattachLines(record: AttachmentRecord, links: Links, bridge: string): string[] {
  return [
    ...(links.hostInterface === undefined ? [] : [`link set dev ${links.hostInterface} master ${bridge}`]),
    ...isolation(links),
    ...(record.identity === undefined
      ? []
      : [`route replace ${record.identity}/32 via ${record.address} dev ${bridge}`]),
    ...neighbour(links, bridge),
  ];
}

/**
 * Lines that undo `attachLines` of many, and of which none keeps the others from being carried out. The routes first:
 * from then on, nobody reaches the workers.
 */
export function detachLines(
  attachments: readonly {
    readonly id: string;
    readonly address: string | undefined;
    readonly identity: string | undefined;
  }[],
  bridge: string,
): string[] {
  return [
    ...attachments.flatMap(({ identity }) =>
      identity === undefined ? [] : [`route del ${identity}/32 dev ${bridge}`],
    ),
    // With the namespace go its interfaces, in the background; a DEL that removes them waits for the kernel.
    ...attachments.map(({ id }) => `netns delete ${id}`),
    // Not `del`: when there is none, ip ends there, whatever -force says.
    ...attachments.flatMap(({ address }) =>
      address === undefined ? [] : [`neighbour flush to ${address} dev ${bridge} nud permanent`],
    ),
  ];
}

function isolation({ hostInterface }: Links): string[] {
  return hostInterface === undefined ? [] : [`link set dev ${hostInterface} type bridge_slave isolated on`];
}

function neighbour({ address, hardwareAddress }: Links, bridge: string): string[] {
  if (hardwareAddress === undefined) return [];
  return [`neighbour replace ${address} lladdr ${hardwareAddress} dev ${bridge} nud permanent`];
}
