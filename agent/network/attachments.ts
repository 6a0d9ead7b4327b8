import { access } from "node:fs/promises";
import type { Attachment } from "../containerd/network.ts";
import type { Cni } from "./cni.ts";
import { type PluginLinks, readResult } from "./cni-result.ts";
import type { Conflist } from "./conflist.ts";
import type { Ip } from "./ip.ts";
import type { NetworkLogger } from "./managed.ts";
import type { NameServiceFiles } from "./name-service.ts";
import type { Namespaces } from "./namespaces.ts";
import type { Records } from "./records.ts";

/** Every worker listens here: it has an address of its own. */
const workerPort = 8080;

export interface AttachmentParts {
  readonly network: string;
  readonly bridge: string;
  readonly list: Conflist;
  readonly files: NameServiceFiles;
  readonly ip: Ip;
  readonly cni: Cni;
  readonly namespaces: Namespaces;
  readonly records: Records;
  readonly logger: NetworkLogger;
  /** Eight hexadecimal digits. */
  readonly randomHex: () => string;
}

export interface Attachments {
  /** Makes a namespace and attaches it; a failure or an abort leaves nothing behind. @throws AgentError */
  make(signal: AbortSignal): Promise<Attachment>;
  /** Takes one apart, whoever made it; succeeds when it is gone. @throws AgentError NETWORK_FAILED when DEL fails */
  release(id: string): Promise<void>;
  /** Whether nobody took it apart from outside. */
  isIntact(attachment: Attachment): Promise<boolean>;
  /** Made here and not released. */
  readonly live: ReadonlySet<string>;
  /** Waits until no make and no release is under way. */
  settled(): Promise<void>;
}

/** Ids as we make them; anything else is not touched, wherever it comes from. */
export function isAttachmentId(id: string): boolean {
  return /^[a-z][a-z0-9-]{0,9}-[0-9a-f]{8}$/.test(id);
}

export function createAttachments(parts: AttachmentParts): Attachments {
  const { bridge, ip, cni, namespaces, records, logger } = parts;
  const live = new Set<string>();
  const releasing = new Map<string, Promise<void>>();
  const underWay = new Set<Promise<unknown>>();
  /** Host's end of each attachment made here. */
  const hostInterfaces = new Map<string, string>();

  function track<T>(work: Promise<T>): Promise<T> {
    const settled = work.then(
      () => {},
      () => {},
    );
    underWay.add(settled);
    void settled.then(() => underWay.delete(settled));
    return work;
  }

  async function make(signal: AbortSignal): Promise<Attachment> {
    const id = `${parts.network}-${parts.randomHex()}`;
    const namespacePath = namespaces.pathOf(id);
    let result: unknown;
    let address: string | undefined;
    live.add(id);
    try {
      await namespaces.create(id, signal);
      result = await cni.add(parts.list, id, namespacePath, signal);
      const links = readResult(result, bridge);
      address = links.address;
      await ip.batch(protection(links, bridge), signal);
      const { hostInterface } = links;
      await records.save({ id, address, ...(hostInterface && { hostInterface }), list: parts.list, result });
      if (hostInterface !== undefined) hostInterfaces.set(id, hostInterface);
      return { id, namespacePath, endpoint: { host: address, port: workerPort }, ...parts.files };
    } catch (error) {
      await detach(id, parts.list, result, address).catch((failure: unknown) => {
        logger.warn({ err: failure, attachment: id }, "could not take a failed attachment apart; the next sweep will");
      });
      live.delete(id);
      throw error;
    }
  }

  /** The namespace first: with it go its interfaces, in the background; a DEL that removes them waits for the kernel. */
  async function detach(id: string, list: Conflist, result: unknown, address?: string): Promise<void> {
    await ip.batchAnyway([
      `netns delete ${id}`,
      // Last: when it is gone already, ip ends here, whatever -force says.
      ...(address === undefined ? [] : [`neighbour del ${address} dev ${bridge}`]),
    ]);
    await cni.del(list, id, undefined, result);
  }

  async function release(id: string): Promise<void> {
    if (!isAttachmentId(id)) {
      logger.debug({ attachment: id }, "not an attachment of this network; nothing to release");
      return;
    }
    try {
      const record = await records.load(id);
      await detach(id, record?.list ?? parts.list, record?.result, record?.address);
      await records.remove(id);
    } finally {
      live.delete(id);
      hostInterfaces.delete(id);
      releasing.delete(id);
    }
  }

  return {
    live,
    make: (signal) => track(make(signal)),
    release(id) {
      const work = releasing.get(id) ?? track(release(id));
      releasing.set(id, work);
      return work;
    },
    async isIntact({ id }) {
      const hostInterface = hostInterfaces.get(id);
      if (!(await namespaces.exists(id))) return false;
      if (hostInterface === undefined) return true;
      return access(`/sys/class/net/${bridge}/brif/${hostInterface}`).then(
        () => true,
        () => false,
      );
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

/**
 * Isolated ports of a bridge cannot reach each other, whatever iptables sees of bridged frames. The fixed neighbour
 * keeps a worker that answers ARP for another one's address from being sent that one's invocations.
 */
function protection({ address, hardwareAddress, hostInterface }: PluginLinks, bridge: string): string[] {
  return [
    ...(hostInterface === undefined ? [] : [`link set dev ${hostInterface} type bridge_slave isolated on`]),
    ...(hardwareAddress === undefined
      ? []
      : [`neighbour replace ${address} lladdr ${hardwareAddress} dev ${bridge} nud permanent`]),
  ];
}
