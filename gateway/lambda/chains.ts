import type { Clock } from "../pool/clock.ts";
import { type Places, stuckCalls } from "./stuck.ts";

/** An invocation, and whose function has asked for it. */
export interface Call {
  readonly functionName: string;
  readonly traceId: string | undefined;
  /** Undefined: a client's. */
  readonly caller: Call | undefined;
  /** Whether the caller waits for the answer. */
  readonly awaited: boolean;
}

/** A chain can get stuck without anybody's joining it: the host may turn out to be full. */
const lookEveryMs = 100;

/**
 * How often one function may be invoked in one chain of calls, as AWS's recursive loop detection has it
 * (docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html).
 */
const mostInOneChain = 16;

/** @returns whether the function has been invoked by itself, on whatever way, as often as it may */
export function isEndless(functionName: string, caller: Call | undefined): boolean {
  let times = 0;
  for (let call = caller; call !== undefined; call = call.caller) if (call.functionName === functionName) times++;
  return times >= mostInOneChain;
}

interface Waiting {
  readonly call: Call;
  readonly onStuck: () => void;
}

/** Which invocations wait for which: a worker has one request at a time, so it is known who calls. */
export class Chains {
  readonly #clock: Pick<Clock, "after">;
  readonly #places: (functionName: string) => Places;
  /** By the worker that has it. */
  readonly #running = new Map<string, Call>();
  /** Calls of functions that wait for a worker, in order. */
  readonly #waiting = new Set<Waiting>();
  #cancelLook: (() => void) | undefined;

  constructor(clock: Pick<Clock, "after">, places: (functionName: string) => Places) {
    this.#clock = clock;
    this.#places = places;
  }

  /** What a worker has to do now. */
  runningAt(workerId: string): Call | undefined {
    return this.#running.get(workerId);
  }

  /** A worker has a request, until what is returned is called. */
  begin(workerId: string, call: Call): () => void {
    this.#running.set(workerId, call);
    return () => {
      if (this.#running.get(workerId) === call) this.#running.delete(workerId);
    };
  }

  /**
   * A call waits for a worker, until what is returned is called.
   * @param onStuck called when it would wait for ever: all who could make way wait for it themselves
   */
  wait(call: Call, onStuck: () => void): () => void {
    if (call.caller === undefined || !call.awaited) return () => undefined;
    const waiting = { call, onStuck };
    this.#waiting.add(waiting);
    this.#look();
    return () => {
      this.#waiting.delete(waiting);
      if (this.#waiting.size === 0) this.#stopLooking();
    };
  }

  /** Lets those go that are stuck, the latest first, as long as any are. */
  #look(): void {
    this.#stopLooking();
    for (let stuck = this.#latestStuck(); stuck !== undefined; stuck = this.#latestStuck()) {
      this.#waiting.delete(stuck);
      stuck.onStuck();
    }
    if (this.#waiting.size > 0) this.#cancelLook = this.#clock.after(lookEveryMs, () => this.#look());
  }

  #latestStuck(): Waiting | undefined {
    const running = [...this.#running.values()];
    const waiting = [...this.#waiting].map(({ call }) => call);
    const stuck = stuckCalls(running, waiting, this.#places);
    return [...this.#waiting].findLast(({ call }) => stuck.has(call));
  }

  #stopLooking(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }
}
