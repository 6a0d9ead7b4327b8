import { detachLines } from "./attach-lines.ts";
import type { Cni, DelTarget } from "./cni.ts";
import type { RunCommand } from "./commands.ts";
import { detachScript, readPlaces } from "./detach-script.ts";
import { createGroups } from "./groups.ts";
import type { Ip } from "./ip.ts";

/** What is known of an attachment that is to be taken apart. */
export interface Detachment extends DelTarget {
  readonly address: string | undefined;
  readonly identity: string | undefined;
}

export interface DetachParts {
  readonly bridge: string;
  readonly run: RunCommand;
  readonly ip: Pick<Ip, "batchAnyway">;
  readonly cni: Pick<Cni, "del" | "prepareDel">;
}

const largestGroup = 32;
/** As many DELs take less than a second; a plugin that hangs is not to hold up those of others for long. */
const groupTimeoutMs = 10_000;
/** More only wait for the kernel's lock on the network. */
const aloneAtOnce = 4;

/**
 * Takes attachments apart with few processes, by way of a shell: a sweep has hundreds of attachments, and each process
 * that one as large as ours starts holds it up for milliseconds.
 * @returns takes one apart; succeeds when it is gone. @throws AgentError NETWORK_FAILED when DEL fails
 */
export function createDetach({ bridge, run, ip, cni }: DetachParts): (detachment: Detachment) => Promise<void> {
  return createGroups<Detachment>({
    largest: largestGroup,
    async together(group) {
      const prepared = await Promise.allSettled(group.map(async (one) => ({ one, calls: await cni.prepareDel(one) })));
      const ready = prepared.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
      const input = detachScript(
        detachLines(group, bridge),
        ready.map(({ calls }) => calls),
      );
      const { stdout } = await run("sh", ["-s"], { input, signal: AbortSignal.timeout(groupTimeoutMs) });
      const places = readPlaces(stdout);
      return new Set(ready.filter((_, place) => places.has(place)).map(({ one }) => one));
    },
    aloneAtOnce,
    // DEL may be repeated (CNI spec, "DEL"); only here is it heard what a plugin says. But it may have given the address
    // back already, to another, whose neighbour is to stay; a stale one goes with a sweep.
    async alone(one) {
      await ip.batchAnyway(detachLines([{ ...one, address: undefined }], bridge));
      await cni.del(one);
    },
  });
}
