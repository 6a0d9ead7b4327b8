/** How a worker's process ended. */
export interface Exit {
  readonly exitStatus: number;
  readonly outOfMemory: boolean;
  /** Whether it was not its own end, but that of what held it for the runtime. */
  readonly abandoned?: boolean;
}

/** The runtime ends what it has lost with SIGKILL. */
export const abandonedExit: Exit = { exitStatus: 137, outOfMemory: false, abandoned: true };

/** An end may be told before the start has returned; that many are remembered for who asks late. */
const remembered = 256;

/** Tells whoever waits for it that a worker's process has ended. */
export class ExitNotices {
  readonly #exits = new Map<string, Exit>();
  readonly #waiting = new Map<string, PromiseWithResolvers<Exit> & { readonly id: string; readonly pid: number }>();

  /** A promise of the end of this process of this worker; waiting ends with the disposal. */
  expect(id: string, pid: number): Disposable & { readonly exit: Promise<Exit> } {
    const key = `${id}/${pid}`;
    const notice = { id, pid, ...Promise.withResolvers<Exit>() };
    const known = this.#exits.get(key);
    if (known !== undefined) notice.resolve(known);
    else this.#waiting.set(key, notice);
    return {
      exit: notice.promise,
      [Symbol.dispose]: () => {
        if (this.#waiting.get(key) === notice) this.#waiting.delete(key);
      },
    };
  }

  /** The processes of a worker whose end somebody waits for now. */
  expected(id: string): number[] {
    return [...this.#waiting.values()].filter((notice) => notice.id === id).map(({ pid }) => pid);
  }

  announce(id: string, pid: number, exit: Exit): void {
    const key = `${id}/${pid}`;
    this.#exits.set(key, exit);
    const oldest = this.#exits.size > remembered ? this.#exits.keys().next().value : undefined;
    if (oldest !== undefined) this.#exits.delete(oldest);
    this.#waiting.get(key)?.resolve(exit);
    this.#waiting.delete(key);
  }
}
