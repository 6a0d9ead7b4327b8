import type { Batches } from "./batches.ts";
import type { TelemetryFormat, TelemetryItem, TelemetryType } from "./item.ts";

export interface Subscriber {
  readonly format: TelemetryFormat;
  readonly types: readonly TelemetryType[];
  readonly batches: Pick<Batches, "add" | "hurry" | "close">;
}

const mostSubscribers = 10;
/** Of what comes in the init phase, so much is kept for whoever subscribes later in it. */
const mostEarly = 1000;
const mostEarlyCharacters = 256 * 1024;

/** Who is told what of one worker. */
export class Subscribers {
  readonly #all: Subscriber[] = [];
  /** Undefined: nobody can subscribe any more. */
  #early: TelemetryItem[] | undefined = [];
  #earlyCharacters = 0;

  /** Whether somebody wants any of these. */
  want(...types: readonly TelemetryType[]): boolean {
    return this.#all.some((one) => types.some((type) => one.types.includes(type)));
  }

  /** Tells it first what was there before. @returns whether there was room for it */
  add(subscriber: Subscriber): boolean {
    if (this.#all.length >= mostSubscribers) return false;
    this.#all.push(subscriber);
    for (const item of this.#early ?? []) tell(subscriber, item);
    return true;
  }

  tell(item: TelemetryItem): void {
    for (const subscriber of this.#all) tell(subscriber, item);
  }

  /** As `tell`, also to those who subscribe later in the init phase. */
  tellEarly(item: TelemetryItem): void {
    this.tell(item);
    const [, record = ""] = item.records.telemetry ?? [];
    this.#earlyCharacters += typeof record === "string" ? record.length : 0;
    const hasRoom = this.#earlyCharacters <= mostEarlyCharacters && (this.#early?.length ?? 0) < mostEarly;
    if (hasRoom) this.#early?.push(item);
  }

  /** The init phase is over. */
  closeSubscription(): void {
    this.#early = undefined;
  }

  /** The worker is about to end: what waits is sent, and what comes is not held back any more. */
  hurry(): void {
    for (const { batches } of this.#all) batches.hurry();
  }

  close(): void {
    for (const { batches } of this.#all) batches.close();
  }
}

function tell({ format, types, batches }: Subscriber, { of, timeMs, records }: TelemetryItem): void {
  const [type, record] = (types.includes(of) && records[format]) || [];
  if (type !== undefined) batches.add({ time: new Date(timeMs).toISOString(), type, record });
}
