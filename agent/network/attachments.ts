import { access } from "node:fs/promises";
import type { Attachment, LostAttachment, RuntimeApiPlace } from "../containerd/network.ts";
import { attachLines, reattachLines } from "./attach-lines.ts";
import type { Cni } from "./cni.ts";
import { readResult } from "./cni-result.ts";
import type { RunCommand } from "./commands.ts";
import type { Conflist } from "./conflist.ts";
import { createDetach } from "./detach.ts";
import type { IdentityAddresses } from "./identity-addresses.ts";
import type { Ip } from "./ip.ts";
import type { NetworkLogger } from "./managed.ts";
import type { NameServiceFiles } from "./name-service.ts";
import type { Namespaces } from "./namespaces.ts";
import type { Records } from "./records.ts";

/** Every worker listens here: it has an address of its own. */
export const workerPort = 8080;

export interface AttachmentParts {
  readonly network: string;
  readonly bridge: string;
  readonly list: Conflist;
  readonly files: NameServiceFiles;
  readonly run: RunCommand;
  readonly ip: Ip;
  readonly cni: Cni;
  readonly namespaces: Namespaces;
  readonly records: Records;
  /** Whether the plugins hold an address of the subnet for an attachment. */
  readonly isReserved: (reservation: { readonly address: string; readonly id: string }) => Promise<boolean>;
  readonly identities: IdentityAddresses;
  /** How the Runtime API is served to the worker of an identity address. */
  readonly runtimeApiOf: (identity: string) => RuntimeApiPlace;
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
  isIntact(attachment: Pick<Attachment, "id">): Promise<boolean>;
  /** What is lost with an attachment that is there by its record and not by what it names; undefined: nothing is. */
  findLoss(id: string): Promise<LostAttachment | undefined>;
  /**
   * Puts attachments back on the bridge, if it was made anew, and gives them back their routes.
   * @param ids of those that had a record before the routes were read: by then they had theirs
   * @param routed identity addresses that have a route
   */
  repair(ids: readonly string[], routed: ReadonlySet<string>): Promise<void>;
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
  const detach = createDetach(parts);
  const live = new Set<string>();
  const releasing = new Map<string, Promise<void>>();
  const underWay = new Set<Promise<unknown>>();
  /** What was made here, for when its record is lost. */
  const made = new Map<string, { readonly hostInterface: string | undefined; readonly identity: string }>();

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
    let identity: string | undefined;
    live.add(id);
    try {
      identity = await parts.identities.next();
      await namespaces.create(id, signal);
      result = await cni.add(parts.list, id, namespacePath, signal);
      const links = readResult(result, bridge);
      address = links.address;
      await ip.batch(attachLines(id, links, identity, bridge), signal);
      const { hostInterface } = links;
      await records.save({ id, address, identity, ...(hostInterface && { hostInterface }), list: parts.list, result });
      made.set(id, { hostInterface, identity });
      const endpoint = { host: identity, port: workerPort };
      const runtimeApi = parts.runtimeApiOf(identity);
      return { id, namespacePath, endpoint, sourceAddress: address, runtimeApi, ...parts.files };
    } catch (error) {
      await detach({ id, list: parts.list, result, address, identity }).catch((failure: unknown) => {
        logger.warn({ err: failure, attachment: id }, "could not take a failed attachment apart; the next sweep will");
      });
      live.delete(id);
      throw error;
    }
  }

  async function release(id: string): Promise<void> {
    if (!isAttachmentId(id)) {
      logger.debug({ attachment: id }, "not an attachment of this network; nothing to release");
      return;
    }
    try {
      const record = await records.load(id);
      const identity = record?.identity ?? made.get(id)?.identity;
      const { list = parts.list, result } = record ?? {};
      // One that DEL has given back already, before we were killed say, may be another's, whose neighbour is to stay (S7).
      const address = record !== undefined && (await parts.isReserved(record)) ? record.address : undefined;
      await detach({ id, list, result, address, identity });
      await records.remove(id);
    } finally {
      live.delete(id);
      made.delete(id);
      releasing.delete(id);
    }
  }

  async function isIntact(id: string, hostInterface: string | undefined): Promise<boolean> {
    if (!(await namespaces.exists(id))) return false;
    if (hostInterface === undefined) return true;
    return access(`/sys/class/net/${bridge}/brif/${hostInterface}`).then(
      () => true,
      () => false,
    );
  }

  return {
    live,
    make: (signal) => track(make(signal)),
    release(id) {
      const work = releasing.get(id) ?? track(release(id));
      releasing.set(id, work);
      return work;
    },
    isIntact: ({ id }) => isIntact(id, made.get(id)?.hostInterface),
    async findLoss(id) {
      if (!isAttachmentId(id) || releasing.has(id)) return undefined;
      const record = await records.load(id);
      if (record === undefined || (await isIntact(id, record.hostInterface))) return undefined;
      return releasing.has(id) ? undefined : { id, host: record.identity ?? record.address };
    },
    async repair(ids, routed) {
      for (const id of ids) {
        const record = await records.load(id);
        if (record?.identity === undefined || routed.has(record.identity) || releasing.has(id)) continue;
        if (!(await namespaces.exists(id))) continue;
        await ip.batchAnyway(reattachLines(record, readResult(record.result, bridge), bridge));
        logger.warn({ attachment: id }, "a worker's route was gone; it is back");
      }
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}
