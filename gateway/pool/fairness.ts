/** What a function has of the host's room. */
export interface Share {
  readonly function: string;
  /** Workers that exist, those that are going not among them. */
  readonly workers: number;
  /** Workers that are being made, or for which room is on its way; the agent may still refuse them. */
  readonly coming: number;
  /** The memory limits of `workers` together. */
  readonly usedMib: number;
  /** The memory limit of one more. */
  readonly workerMib: number;
  readonly min: number;
  readonly reserved: number;
  /** When its least recently used idle or frozen worker was last used; undefined: all are busy. */
  readonly idleSinceMs: number | undefined;
}

/** A worker that has idled for so long is not needed for the moment, however small its function's share. */
const unneededAfterMs = 1000;

/** A claimant that has nothing at all gets a turn after this long, from one that has just as little. */
const starvedAfterMs = 1000;

/** What a claimant is sure to have, or will have soon. */
function expected({ workers, coming, usedMib, workerMib }: Share): { workers: number; mib: number } {
  return { workers: workers + coming, mib: usedMib + coming * workerMib };
}

/** Whether a function may give one worker up for this claimant. */
function canSpare(owner: Share, claimant: Share): boolean {
  const kept = expected(claimant).workers < claimant.reserved ? owner.reserved : Math.max(owner.min, owner.reserved);
  return owner.workers > kept;
}

/**
 * Whose least recently used worker goes so that the claimant can have one; undefined: none can go now, though one may when
 * it has idled for longer. One that was in use just now goes only where its function would give it up at release as well:
 * else what fairness has left it would be lost between two of its requests.
 */
export function chooseVictim(claimant: Share, shares: readonly Share[], nowMs: number): Share | undefined {
  let victim: (Share & { idleSinceMs: number }) | undefined;
  for (const share of shares) {
    const { idleSinceMs } = share;
    if (share.function === claimant.function || idleSinceMs === undefined || !canSpare(share, claimant)) continue;
    const unneeded = nowMs - idleSinceMs >= unneededAfterMs;
    if (!unneeded && !yieldsTo(share, claimant, Number.POSITIVE_INFINITY)) continue;
    if (victim === undefined || idleSinceMs < victim.idleSinceMs) victim = { ...share, idleSinceMs };
  }
  return victim;
}

/**
 * Whether the worker that its owner has just done with goes to the claimant. Max-min fair: only where the owner still has
 * as much as the claimant afterwards, so each such step makes shares more equal and none is ever taken back. What is
 * reserved goes before that; and who has nothing, where there is not even room for one each, gets a turn in time.
 */
export function yieldsTo(owner: Share, claimant: Share, waitedMs: number): boolean {
  if (owner.function === claimant.function || !canSpare(owner, claimant)) return false;
  const { workers, mib } = expected(claimant);
  if (workers < claimant.reserved) return true;
  if (workers === 0 && waitedMs >= starvedAfterMs) return true;
  return owner.usedMib - owner.workerMib >= mib + claimant.workerMib;
}

/** Whether none of its idle workers goes for this claimant, and nothing else of it will either until a request ends. */
export function keepsIdle(owner: Share, claimant: Share): boolean {
  return owner.idleSinceMs !== undefined && owner.coming === 0 && !canSpare(owner, claimant);
}

/** Whether no worker of another function will ever go for this claimant, whatever becomes idle. */
export function isHopeless(claimant: Share, shares: readonly Share[]): boolean {
  return shares.every((share) => share.function === claimant.function || !canSpare(share, claimant));
}

/** Who comes first among claimants: below what is reserved, then who has least, then who has waited longest. */
export function compareClaims(
  a: { readonly share: Share; readonly sinceMs: number },
  b: { readonly share: Share; readonly sinceMs: number },
): number {
  const below = ({ share }: typeof a) => (expected(share).workers < share.reserved ? 0 : 1);
  return below(a) - below(b) || expected(a.share).mib - expected(b.share).mib || a.sinceMs - b.sinceMs;
}
