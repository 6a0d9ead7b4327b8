import PQueue from "p-queue";
import { z } from "zod";
import { type Attachments, isAttachmentId } from "./attachments.ts";
import { portsOf } from "./bridge.ts";
import type { Ip } from "./ip.ts";
import type { NetworkLogger } from "./managed.ts";
import type { Namespaces } from "./namespaces.ts";
import type { Records } from "./records.ts";
import { listReservations, removeReservation } from "./reservations.ts";

/** As many as are released together, and as many again whose records are read meanwhile. */
const releasesAtOnce = 64;
const neighbours = z.array(z.looseObject({ dst: z.string() }));
/** Only routes to identity addresses have a gateway on our bridge. */
const routes = z.array(z.looseObject({ dst: z.string(), gateway: z.string().optional() }));

export interface SweepParts {
  readonly network: string;
  readonly bridge: string;
  /** Where host-local keeps this network's reservations. */
  readonly reservationsDir: string;
  readonly attachments: Attachments;
  readonly namespaces: Namespaces;
  readonly records: Records;
  readonly ip: Ip;
  readonly logger: NetworkLogger;
}

/**
 * Releases every attachment that any trace on the machine tells of (a record, a namespace, a reservation) and that is
 * not kept, then removes interfaces and neighbours that belong to none.
 * @param kept ids of attachments that are in use at the time of asking: one that is made meanwhile must not be taken for
 * a leftover, so it is asked after everything else has been read
 * @returns how many attachments were released
 */
export async function sweepAttachments(parts: SweepParts, kept: () => ReadonlySet<string>): Promise<number> {
  const { attachments, records, reservationsDir, logger } = parts;
  if (attachments.live.size === 0) await records.removeUnfinished();
  const [recorded, namespaces, reservations] = await Promise.all([
    records.list(),
    parts.namespaces.list(),
    listReservations(reservationsDir),
  ]);
  // The whole name: another network's may begin with ours.
  const own = namespaces.filter((name) => isAttachmentId(name) && name.slice(0, -"-01234567".length) === parts.network);
  const inUse = kept();
  const stale = new Set(
    [...recorded, ...own, ...reservations.map((one) => one.id)].filter((id) => isAttachmentId(id) && !inUse.has(id)),
  );
  // At once: an address without a worker may have one a little later.
  await parts.ip.batchAnyway(await findOrphans(parts, kept));
  let released = 0;
  const queue = new PQueue({ concurrency: releasesAtOnce });
  await Promise.all([
    ...[...stale].map((id) =>
      queue.add(async () => {
        try {
          await attachments.release(id);
          released += 1;
        } catch (error) {
          logger.warn({ err: error, attachment: id }, "could not release an attachment that nobody uses");
        }
      }),
    ),
    ...reservations
      // Without a word in it, a plugin may be writing it just now.
      .filter((one) => !isAttachmentId(one.id) && (one.id !== "" || attachments.live.size === 0))
      .map((one) => removeReservation(reservationsDir, one.address)),
  ]);
  return released;
}

/**
 * Lines that remove ports, routes and fixed neighbours of our bridge that no record tells of. None while an attachment that is
 * kept has no record, whether it was lost or is yet to be written: what looks like an orphan may be that one's.
 */
async function findOrphans({ ip, bridge, records }: SweepParts, kept: () => ReadonlySet<string>): Promise<string[]> {
  const [ports, routed, fixed] = await Promise.all([
    portsOf(ip, bridge),
    ip.query(["-4", "route", "show", "dev", bridge], routes),
    ip.query(["neighbour", "show", "dev", bridge, "nud", "permanent"], neighbours),
  ]);
  const known = await Promise.all((await records.list()).map((id) => records.load(id)));
  const ids = new Set(known.map((record) => record?.id));
  if ([...kept()].some((id) => !ids.has(id))) return [];
  const knownPorts = new Set(known.map((record) => record?.hostInterface));
  const knownAddresses = new Set(known.map((record) => record?.address));
  const identities = new Set(known.map((record) => record?.identity));
  return [
    ...ports.filter((name) => !knownPorts.has(name)).map((name) => `link del dev ${name}`),
    ...(routed ?? [])
      .filter((one) => one.gateway !== undefined && !identities.has(one.dst))
      .map((one) => `route del ${one.dst} dev ${bridge}`),
    ...(fixed ?? [])
      .filter((one) => !knownAddresses.has(one.dst))
      .map((one) => `neighbour del ${one.dst} dev ${bridge}`),
  ];
}
