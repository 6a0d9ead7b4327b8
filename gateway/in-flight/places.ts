/** Which places of the file are free. */
export class Places {
  readonly #free: number[] = [];
  #count = 0;

  /** @param taken places that are not free */
  constructor(count: number, taken: ReadonlySet<number>) {
    this.grow(count, taken);
  }

  /** How many there are, free or not. */
  get count(): number {
    return this.#count;
  }

  /** A free place, the one that was given back last; undefined when none is. */
  take(): number | undefined {
    return this.#free.pop();
  }

  give(place: number): void {
    this.#free.push(place);
  }

  /** There are so many more, behind the others. */
  grow(by: number, taken: ReadonlySet<number> = new Set()): void {
    const added = Array.from({ length: by }, (_, index) => this.#count + index);
    this.#count += by;
    // The lowest is taken first.
    this.#free.unshift(...added.filter((place) => !taken.has(place)).reverse());
  }
}
