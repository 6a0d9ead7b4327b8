import { rm } from "node:fs/promises";
import type { TestEsb } from "./esb.ts";

/**
 * containerd makes a snapshot's folder before it commits the number that names it; when it crashes between the two, it
 * refuses every further snapshot until somebody removes the folder.
 */
export async function mendSnapshotter(esb: Pick<TestEsb, "ctr">): Promise<void> {
  const attempt = await esb.ctr("snapshots", "prepare", "attempt").catch((error: Error) => error);
  if (!(attempt instanceof Error)) {
    await esb.ctr("snapshots", "rm", "attempt");
    return;
  }
  const [, folder] = /rename \S+ (\S+): file exists/.exec(attempt.message) ?? [];
  if (folder === undefined) throw attempt;
  // An agent's own attempt may have run into it too, and containerd may have removed it since.
  await rm(folder, { recursive: true, force: true });
}
