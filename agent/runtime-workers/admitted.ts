/** Which workers the Runtime API is served to, by instance, as far as that is known: nothing is while it is away. */
export class Admitted {
  #known: Set<string> | undefined;
  /** Admitted while a list was on its way, which may lack them. */
  #recent = new Set<string>();

  /** Whether it is known not to be served to this one. */
  lacks(instanceId: string): boolean {
    return this.#known !== undefined && !this.#known.has(instanceId);
  }

  add(instanceId: string): void {
    this.#known?.add(instanceId);
    this.#recent.add(instanceId);
  }

  remove(instanceId: string): void {
    this.#known?.delete(instanceId);
    this.#recent.delete(instanceId);
  }

  unknown(): void {
    this.#known = undefined;
  }

  /** @returns what the list has; what came meanwhile is known as well, and not returned */
  async read(list: () => Promise<string[]>): Promise<string[]> {
    this.#recent = new Set();
    const listed = await list();
    this.#known = new Set([...listed, ...this.#recent]);
    return listed;
  }
}
