/** The same again is told after this time. */
const quietMs = 60_000;
/** More different ones than this are not told apart. */
const most = 100;

/** Lets what is repeated many times a second be told once a minute. */
export class Seldom {
  readonly #now: () => number;
  readonly #told = new Map<string, { atMs: number; since: number }>();

  /** @param now milliseconds of a clock that never goes back */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @returns how often it came since it was told last, when it is to be told now */
  count(what: string): number | undefined {
    const known = this.#told.get(what);
    const atMs = this.#now();
    if (known !== undefined && atMs - known.atMs < quietMs) {
      known.since++;
      return undefined;
    }
    if (known === undefined && this.#told.size >= most) this.#told.clear();
    this.#told.set(what, { atMs, since: 0 });
    return (known?.since ?? 0) + 1;
  }
}
