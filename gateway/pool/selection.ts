/** What the choice of a worker looks at. */
export interface Choosable {
  /** Since when nobody uses it. */
  readonly idleSinceMs: number;
}

/** The most recently used one, so that the others can freeze and go. */
export function mostRecent<T extends Choosable>(slots: Iterable<T>, fits: (slot: T) => boolean): T | undefined {
  let best: T | undefined;
  for (const slot of slots) if (fits(slot) && (best === undefined || slot.idleSinceMs > best.idleSinceMs)) best = slot;
  return best;
}

/** The one that has not been used for longest; of several the last, whose number is higher as a rule. */
export function leastRecent<T extends Choosable>(slots: Iterable<T>, fits: (slot: T) => boolean): T | undefined {
  let best: T | undefined;
  for (const slot of slots) if (fits(slot) && (best === undefined || slot.idleSinceMs <= best.idleSinceMs)) best = slot;
  return best;
}

/** What growth looks at. Workers of an earlier definition count for nothing. */
export interface Headcount {
  readonly waiting: number;
  /** All there are, those among them that are being made, or that are going. */
  readonly workers: number;
  /** Being made or thawed, except for `min` only and not begun. */
  readonly underWay: number;
  /** Being destroyed. */
  readonly leaving: number;
  readonly min: number;
  readonly max: number;
}

/** How many more workers are to be made for those who wait. */
export function missingForWaiting({ waiting, workers, underWay, max }: Headcount): number {
  return Math.max(0, Math.min(waiting - underWay, max - workers));
}

/** How many more are to be made so that there are `min`. */
export function missingForMin({ workers, leaving, min, max }: Headcount): number {
  return Math.max(0, Math.min(min - (workers - leaving), max - workers));
}

/** How many starts that are under way nobody needs any more. */
export function needlessStarts({ waiting, workers, underWay, leaving, min }: Headcount): number {
  return Math.max(0, Math.min(underWay - waiting, workers - leaving - min));
}

/** How many there are beyond `max`. */
export function surplus({ workers, leaving, max }: Headcount): number {
  return Math.max(0, workers - leaving - max);
}

/** The lowest number that is not taken. */
export function lowestFree(isTaken: (slot: number) => boolean): number {
  let slot = 0;
  while (isTaken(slot)) slot++;
  return slot;
}
