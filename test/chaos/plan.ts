import { numbersFrom } from "../support/random.ts";

/** A random whole number from 0 to below the limit. */
export type Random = (limit: number) => number;

export interface PlannedAction {
  /** Since the beginning of the run. */
  readonly atMs: number;
  readonly name: string;
  /** Seed of the action's own choices: what it hits, how long it lasts. */
  readonly seed: number;
}

/** Time between two actions. */
const paceMs = { least: 1200, most: 4200 };
/** Load alone, before the first action. */
const calmMs = 4000;

/**
 * When which action happens; a function of its arguments alone. Actions are dealt from a shuffled deck in which each has
 * as many cards as its weight, so that also a short run sees most of them.
 */
export function planActions(
  seed: number,
  durationMs: number,
  actions: readonly { readonly name: string; readonly weight: number }[],
): PlannedAction[] {
  const random = numbersFrom(mix(seed, 1));
  const plan: PlannedAction[] = [];
  let deck: string[] = [];
  for (let atMs = calmMs; atMs < durationMs; atMs += paceMs.least + random(paceMs.most - paceMs.least)) {
    if (deck.length === 0) {
      deck = shuffled(
        actions.flatMap(({ name, weight }) => Array<string>(weight).fill(name)),
        random,
      );
    }
    plan.push({ atMs: Math.round(atMs), name: deck.pop() ?? "", seed: random(2 ** 31) });
  }
  return plan;
}

/** What a function of the load is asked, and how often. */
export interface Demand {
  readonly function: string;
  /** Requests a second. */
  readonly rate: number;
  /** What it may be asked to do, one of them at random. */
  readonly ops: readonly Op[];
}

export type Op =
  | { readonly op: "introduce"; readonly mostMs?: number; readonly mostFiller?: number }
  | { readonly op: "exit" }
  | { readonly op: "allocate"; readonly mib: number };

export interface PlannedRequest {
  readonly atMs: number;
  readonly function: string;
  /** The request's body; its `nonce` is unlike that of any other. */
  readonly event: { readonly op: string; readonly nonce: string; readonly [field: string]: unknown };
  /** When the client goes without waiting for the answer, since it asked; undefined: it waits. */
  readonly leaveAfterMs: number | undefined;
}

/** One in so many clients leaves early. */
const leaversOneIn = 40;
const leaveWithinMs = 300;

/** The load, request by request, at random moments; a function of its arguments alone. */
export function* planRequests(seed: number, durationMs: number, demands: readonly Demand[]): Generator<PlannedRequest> {
  const random = numbersFrom(mix(seed, 2));
  const total = demands.reduce((sum, { rate }) => sum + rate, 0);
  let atMs = 0;
  for (let index = 0; ; index += 1) {
    // Clients that know nothing of each other: a Poisson process.
    atMs += (-Math.log(1 - random(2 ** 30) / 2 ** 30) * 1000) / total;
    if (atMs >= durationMs) return;
    const demand = pick(demands, random(2 ** 30) / 2 ** 30);
    const op = demand.ops[random(demand.ops.length)];
    const leaves = random(leaversOneIn) === 0;
    yield {
      atMs,
      function: demand.function,
      event: eventFor(op ?? { op: "introduce" }, `${seed}-${index}`, random),
      leaveAfterMs: leaves ? random(leaveWithinMs) : undefined,
    };
  }
}

function eventFor(op: Op, nonce: string, random: Random): PlannedRequest["event"] {
  if (op.op === "exit") return { op: "exit", nonce, code: 1 + random(100) };
  if (op.op === "allocate") return { ...op, nonce };
  const ms = op.mostMs === undefined ? {} : { ms: random(op.mostMs) };
  const filler = op.mostFiller === undefined ? {} : { filler: nonce.padEnd(random(op.mostFiller), "·") };
  return { op: "introduce", nonce, ...ms, ...filler };
}

/** @param point from 0 to below 1 */
function pick(demands: readonly Demand[], point: number): Demand {
  const total = demands.reduce((sum, { rate }) => sum + rate, 0);
  let left = point * total;
  const found = demands.find(({ rate }) => {
    left -= rate;
    return left < 0;
  });
  const last = found ?? demands.at(-1);
  if (last === undefined) throw new Error("no function to invoke");
  return last;
}

function shuffled<T>(items: T[], random: Random): T[] {
  return items
    .map((item) => ({ item, order: random(2 ** 30) }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

/** A seed of its own for each use, so that one more number taken here changes nothing there. */
function mix(seed: number, use: number): number {
  return Math.imul(seed ^ Math.imul(use, 0x9e3779b9), 0x85ebca6b) >>> 0;
}
