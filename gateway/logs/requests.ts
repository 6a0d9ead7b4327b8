import { LRUCache } from "lru-cache";

interface Served {
  readonly requestId: string;
  readonly beginMs: number;
  endMs: number | undefined;
}

/** Of a worker, its last requests are known; of one that serves thousands a second, these are still some tenths of one. */
const mostPerWorker = 512;
const mostWorkers = 4096;
/** What a function prints behind its answer comes from that request, for so long. */
const graceMs = 100;

/** Which request a worker had when (O1): a worker has one at a time, so a line's time tells whose line it is. */
export class ServedRequests {
  readonly #workers = new LRUCache<string, Served[]>({ max: mostWorkers });
  readonly #now: () => number;

  /** @param now milliseconds since 1970, with fractions */
  constructor(now: () => number = () => performance.timeOrigin + performance.now()) {
    this.#now = now;
  }

  /** A worker is given a request. @returns what to call when the request is over */
  begin(instanceId: string, requestId: string): () => void {
    const served: Served = { requestId, beginMs: this.#now(), endMs: undefined };
    const known = this.#workers.get(instanceId);
    if (known === undefined) this.#workers.set(instanceId, [served]);
    else {
      known.push(served);
      if (known.length > mostPerWorker) known.shift();
    }
    return () => {
      served.endMs = this.#now();
    };
  }

  /** The request that a worker had at a time, in milliseconds since 1970; undefined: none, or none that is still known. */
  at(instanceId: string, timeMs: number): string | undefined {
    const found = this.#workers.get(instanceId)?.findLast(({ beginMs }) => beginMs <= timeMs);
    return found === undefined || timeMs > (found.endMs ?? timeMs) + graceMs ? undefined : found.requestId;
  }
}
