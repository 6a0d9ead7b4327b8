import { EventEmitter, on } from "node:events";
import type { RemovalReason, WatchResponse, Worker } from "../../proto/gen/esb/agent/v1/agent.ts";

/** What an agent's Watch tells, kept from its start. */
export class WatchLog {
  readonly #id = crypto.randomUUID();
  readonly #events: WatchResponse["event"][] = [];
  readonly #emitter = new EventEmitter();
  readonly #hostAddress: string;

  constructor(hostAddress = "") {
    this.#hostAddress = hostAddress;
  }

  changed(worker: Worker): void {
    this.#add({ $case: "changed", value: worker });
  }

  removed(worker: Worker, reason: RemovalReason): void {
    this.#add({ $case: "removed", value: { worker, reason, exitStatus: undefined } });
  }

  async *follow(position: string, workers: () => Worker[], signal: AbortSignal): AsyncIterable<WatchResponse> {
    const [id, index] = position.split("/");
    let next = id === this.#id ? Number(index) : this.#events.length;
    const news = on(this.#emitter, "event", { signal });
    if (id !== this.#id) {
      yield { position: this.#position(next), event: { $case: "snapshot", value: { workers: workers() } } };
    }
    for (let told = false; ; told = true) {
      for (; next < this.#events.length; ) {
        const event = this.#events[next++];
        yield { position: this.#position(next), event };
      }
      if (!told) yield { position: this.#position(next), event: this.#caughtUp() };
      await news.next();
    }
  }

  #caughtUp(): WatchResponse["event"] {
    return { $case: "caughtUp", value: { hostAddress: this.#hostAddress } };
  }

  #position(next: number): string {
    return `${this.#id}/${next}`;
  }

  #add(event: WatchResponse["event"]): void {
    this.#events.push(event);
    this.#emitter.emit("event");
  }
}
