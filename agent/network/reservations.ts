import { readdir, rm } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { join } from "node:path";
import { readOptional } from "../files.ts";

/** An address that host-local holds for a container: a file named for the address, with the container's id in it. */
export interface Reservation {
  readonly address: string;
  readonly id: string;
}

/**
 * Those that can be read: of one that cannot, for want of file descriptors say, nobody knows whether it is in use.
 * @param folder host-local's `dataDir` and the network's name
 */
export async function listReservations(folder: string): Promise<Reservation[]> {
  const addresses = (await readdir(folder).catch(() => [])).filter((name) => isIPv4(name));
  const all = await Promise.all(
    addresses.map(async (address) => {
      const text = await readOptional(join(folder, address));
      return text === undefined ? [] : [{ address, id: text.split("\n")[0]?.trim() ?? "" }];
    }),
  );
  return all.flat();
}

/** Whether host-local holds the address for this container. */
export async function isReserved(folder: string, { address, id }: Reservation): Promise<boolean> {
  return (await readOptional(join(folder, address)))?.split("\n")[0]?.trim() === id;
}

/** For a reservation whose container could never have been ours, so that no DEL frees it. */
export async function removeReservation(folder: string, address: string): Promise<void> {
  await rm(join(folder, address), { force: true });
}
