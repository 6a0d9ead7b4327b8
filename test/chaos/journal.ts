import type { FunctionsFile } from "./functions.ts";
import type { PlannedRequest } from "./plan.ts";
import type { Circumstances } from "./verdict.ts";

/** One harm to a worker costs at most the one request that it served. */
interface Harm {
  readonly worker: string;
  /** Until then it may cost one; afterwards another worker has the id. */
  readonly untilMs: number;
}

interface Span {
  readonly what: string;
  readonly fromMs: number;
  toMs: number | undefined;
}

export interface Violation {
  readonly atMs: number;
  readonly what: string;
  /** What the chaos did around it. */
  readonly around: readonly string[];
}

/** A change of functions.yml takes effect within this time, outages of the gateway included. */
const reloadWithinMs = 15_000;
/** A harm shows at once, or at the latest when the function's time is over. */
const harmLastsMs = 22_000;
/** A connection may break a moment before we note that we are about to break it. */
const skewMs = 100;
/** Actions that ended longer ago than this are not told with a violation. */
const aroundMs = 8000;

/** What the chaos did and when, in milliseconds since the beginning; what it excuses, and what nothing excuses. */
export class Journal {
  readonly now: () => number;
  readonly violations: Violation[] = [];
  readonly #say: (line: string) => void;
  readonly #spans: Span[] = [];
  readonly #counts = new Map<string, number>();
  #harms: Harm[] = [];

  constructor(now: () => number, say: (line: string) => void) {
    this.now = now;
    this.#say = say;
  }

  /** How often each action was done. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  note(line: string): void {
    this.#say(`${seconds(this.now())} ${line}`);
  }

  /** Begins something that lasts; call the result at its end. */
  begin(what: string): () => void {
    const span: Span = { what, fromMs: this.now(), toMs: undefined };
    this.#spans.push(span);
    return () => {
      span.toMs = this.now();
    };
  }

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by);
  }

  /**
   * Something is done to a worker that may cost it the request that it serves, or the next one.
   * @param lastsMs how long until it shows at the latest
   */
  harm(worker: string, lastsMs = harmLastsMs): void {
    this.#harms.push({ worker, untilMs: this.now() + lastsMs });
  }

  violate(what: string): void {
    const atMs = this.now();
    const around = this.#spans
      .filter(({ toMs }) => toMs === undefined || toMs > atMs - aroundMs)
      .map(
        ({ what: action, fromMs, toMs }) => `${action} ${seconds(fromMs)}–${toMs === undefined ? "" : seconds(toMs)}`,
      );
    this.violations.push({ atMs, what, around });
    this.note(`VIOLATION ${what}`);
  }

  /** What went on around a request that began then and ends now. */
  circumstances(request: PlannedRequest, fromMs: number, file: FunctionsFile): Circumstances {
    const nowMs = this.now();
    return {
      gatewayDown: this.#spans.some(
        ({ what, fromMs: begun, toMs }) =>
          what === gatewayDown && begun <= nowMs + skewMs && (toMs === undefined || toMs >= fromMs - skewMs),
      ),
      excuse: (worker) => this.#excuse(worker),
      definitions: file.held(request.function, fromMs - reloadWithinMs, nowMs),
    };
  }

  #excuse(worker: string): boolean {
    this.#harms = this.#harms.filter(({ untilMs }) => untilMs >= this.now());
    const index = this.#harms.findIndex((harm) => harm.worker === worker);
    if (index === -1) return false;
    this.#harms.splice(index, 1);
    return true;
  }
}

/** Name of a span in which nobody may answer. */
export const gatewayDown = "gateway down";

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
