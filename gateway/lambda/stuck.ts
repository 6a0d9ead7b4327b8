import type { Call } from "./chains.ts";

/** Where a function's next request can get a worker. */
export interface Places {
  /** Workers of the function that have a request. */
  readonly busy: number;
  /** `now`: without any request's end; `own`: when one of the function's ends; `any`: when one of any function's ends. */
  readonly when: "now" | "own" | "any";
}

/** @param crowded the host has no room for one worker more */
export function toPlaces(outlook: {
  readonly busy: number;
  readonly coming: boolean;
  readonly growing: boolean;
  readonly crowded: boolean;
}): Places {
  const { busy, coming, growing, crowded } = outlook;
  if (coming || (growing && !crowded)) return { busy, when: "now" };
  return { busy, when: growing ? "any" : "own" };
}

/**
 * The calls that wait for ever: every request whose end would give them a worker waits for one of them. A request ends
 * when all calls that its function waits for have ended.
 * @param running all requests that have a worker
 * @param waiting functions' calls that wait for one
 */
export function stuckCalls(
  running: readonly Call[],
  waiting: readonly Call[],
  placesOf: (functionName: string) => Places,
): ReadonlySet<Call> {
  const stuck = new Set(waiting);
  // What is taken out of these two will end.
  const blocked = new Set(running);
  const isRunning: ReadonlySet<Call> = new Set(running);
  const known = Map.groupBy(running, ({ functionName }) => functionName);
  const awaitedBy = Map.groupBy([...running, ...waiting].filter(isAwaited), ({ caller }) => caller);
  const names = new Set([...running, ...waiting].map(({ functionName }) => functionName));
  const places = new Map([...names].map((name) => [name, placesOf(name)]));
  /** Functions of which a request will end; one of which nothing is known here does so by itself. */
  const freeing = new Set([...names].filter((name) => (places.get(name)?.busy ?? 0) > (known.get(name)?.length ?? 0)));
  const isServed = ({ functionName, caller }: Call) => {
    // Whose caller has gone holds nobody up.
    if (caller === undefined || !isRunning.has(caller)) return true;
    const when = places.get(functionName)?.when;
    return when === "now" || freeing.has(functionName) || (when === "any" && freeing.size > 0);
  };
  for (let left = -1; left !== stuck.size + blocked.size; ) {
    left = stuck.size + blocked.size;
    for (const call of blocked) {
      if (awaitedBy.get(call)?.some((other) => stuck.has(other) || blocked.has(other))) continue;
      blocked.delete(call);
      freeing.add(call.functionName);
    }
    for (const call of stuck) if (isServed(call)) stuck.delete(call);
  }
  return stuck;
}

function isAwaited({ awaited, caller }: Call): boolean {
  return awaited && caller !== undefined;
}
