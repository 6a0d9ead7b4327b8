import PQueue from "p-queue";

export interface GroupsOptions<T> {
  /** Of how many a group may be. */
  readonly largest: number;
  /** @returns those that are done for certain; the others, and all of them when it throws, are done alone */
  readonly together: (group: readonly T[]) => Promise<ReadonlySet<T>>;
  /** Has to get along with what `together` may have done already. */
  readonly alone: (item: T) => Promise<void>;
  /** How many are done alone at once. */
  readonly aloneAtOnce: number;
}

/**
 * Work that costs less for many at once. There is one group at a time: what comes while none is under way is done right
 * away, and what comes meanwhile is the next group.
 * @returns adds one; its promise settles with that one's own outcome, whatever becomes of the rest of its group
 */
export function createGroups<T>(options: GroupsOptions<T>): (item: T) => Promise<void> {
  const { largest, together, alone } = options;
  const waiting: { readonly item: T; readonly outcome: PromiseWithResolvers<void> }[] = [];
  const singly = new PQueue({ concurrency: options.aloneAtOnce });
  let isBusy = false;

  async function workOff(): Promise<void> {
    isBusy = true;
    for (let group = waiting.splice(0, largest); group.length > 0; group = waiting.splice(0, largest)) {
      const done = await together(group.map(({ item }) => item)).catch(() => new Set<T>());
      for (const { item, outcome } of group) {
        if (done.has(item)) outcome.resolve();
        // Not waited for here: one that hangs is not to keep the next group.
        else void singly.add(() => alone(item).then(outcome.resolve, outcome.reject));
      }
    }
    isBusy = false;
  }

  return (item) => {
    const outcome = Promise.withResolvers<void>();
    waiting.push({ item, outcome });
    if (!isBusy) void workOff();
    return outcome.promise;
  };
}
