interface Served {
  readonly requestId: string;
  readonly beginMs: number;
  endMs: number | undefined;
}

/** Of a worker, its last requests are known; of one that serves thousands a second, these are still some tenths of one. */
const mostPerWorker = 512;
/** Of all workers; beyond it, half are forgotten, those first that have been out of use for longest. Some 15 MiB. */
const mostRequests = 32_768;
/** What a function prints behind its answer comes from that request, for so long. */
const graceMs = 100;

/** Which request a worker had when (O1): a worker has one at a time, so a line's time tells whose line it is. */
export class ServedRequests {
  /** The least recently used first. */
  readonly #workers = new Map<string, Served[]>();
  #count = 0;
  readonly #now: () => number;

  /** @param now milliseconds since 1970, with fractions */
  constructor(now: () => number = () => performance.timeOrigin + performance.now()) {
    this.#now = now;
  }

  /** A worker is given a request. @returns what to call when the request is over */
  begin(instanceId: string, requestId: string): () => void {
    const served: Served = { requestId, beginMs: this.#now(), endMs: undefined };
    const known = this.#workers.get(instanceId) ?? [];
    known.push(served);
    this.#workers.delete(instanceId);
    this.#workers.set(instanceId, known);
    if (known.length > mostPerWorker) known.shift();
    else this.#count += 1;
    if (this.#count > mostRequests) this.#forgetHalf();
    return () => {
      served.endMs = this.#now();
    };
  }

  /** The request that a worker had at a time, in milliseconds since 1970; undefined: none, or none that is still known. */
  at(instanceId: string, timeMs: number): string | undefined {
    const found = this.#workers.get(instanceId)?.findLast(({ beginMs }) => beginMs <= timeMs);
    return found === undefined || timeMs > (found.endMs ?? timeMs) + graceMs ? undefined : found.requestId;
  }

  /** What is still under way stays: it may print at any time. */
  #forgetHalf(): void {
    for (const [instanceId, known] of this.#workers) {
      if (this.#count <= mostRequests / 2) return;
      const open = known.filter(({ endMs }) => endMs === undefined);
      this.#count -= known.length - open.length;
      if (open.length > 0) this.#workers.set(instanceId, open);
      else this.#workers.delete(instanceId);
    }
  }
}
