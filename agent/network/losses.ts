import { EventEmitter, on } from "node:events";
import { type FSWatcher, watch } from "node:fs";
import { mkdir } from "node:fs/promises";
import type { LostAttachment } from "../containerd/network.ts";
import type { NetworkLogger } from "./managed.ts";

export interface LossesOptions {
  /** Where network namespaces have their names. */
  readonly folder: string;
  /** Whether the attachment of this name is lost; undefined: it is not, or is none of ours. */
  readonly findLoss: (id: string) => Promise<LostAttachment | undefined>;
  readonly logger: Pick<NetworkLogger, "warn">;
}

/** Attachments that somebody takes apart while they are in use. */
export interface Losses {
  /** From now on, as the kernel tells of it; ends by throwing when the signal aborts. */
  follow(signal: AbortSignal): AsyncGenerator<LostAttachment, void>;
  /** Looks at attachments one by one, for what no event tells of, and tells the followers. */
  check(ids: readonly string[]): Promise<void>;
}

export function createLosses({ folder, findLoss, logger }: LossesOptions): Losses {
  const told = new EventEmitter<{ lost: [LostAttachment] }>().setMaxListeners(0);

  async function check(id: string): Promise<void> {
    const loss = await findLoss(id);
    if (loss !== undefined) told.emit("lost", loss);
  }

  function watchFolder(): FSWatcher | undefined {
    const giveUp = (err: unknown) => logger.warn({ err }, "lost network namespaces are noticed by the next sweep only");
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        if (name === null) return;
        check(name).catch((err: unknown) => logger.warn({ err, attachment: name }, "cannot tell whether it is lost"));
      });
      return watcher.on("error", giveUp);
    } catch (error) {
      // The kernel's limits of watchers may be used up by others.
      giveUp(error);
      return undefined;
    }
  }

  return {
    async *follow(signal) {
      await mkdir(folder, { recursive: true });
      const watcher = watchFolder();
      try {
        for await (const [loss] of on(told, "lost", { signal })) yield loss as LostAttachment;
      } finally {
        watcher?.close();
      }
    },
    async check(ids) {
      for (const id of ids) await check(id);
    },
  };
}
