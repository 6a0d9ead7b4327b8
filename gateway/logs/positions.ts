import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { LogPosition } from "../../proto/gen/esb/agent/v1/agent.ts";
import type { Clock } from "../pool/clock.ts";
import type { KeptPositions } from "./worker-logs.ts";

/** Far more workers than a gateway has at a time. */
const mostPositions = 4096;
/** A gateway that is killed tells lines of this time twice. */
const saveAfterMs = 1000;
/** What a worker without a position had printed may have waited for so long to be read. */
const unreadMs = 10_000;

const fileSchema = z.object({
  savedAtMs: z.number(),
  positions: z.array(z.object({ instanceId: z.string(), file: z.coerce.bigint(), offset: z.coerce.bigint() })),
});

/** Where the gateway of a name keeps how far it has read its workers' logs. They end with the machine's power, as it does. */
export function positionsPath(runDir: string, owner: string): string {
  return join(runDir, `gateway-${owner}.log-positions`);
}

/** Positions in a file, written now and then and at the end; a file that cannot be read or written is done without. */
export class PositionsFile implements KeptPositions, Disposable {
  readonly sinceMs: number;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #positions = new LRUCache<string, LogPosition>({ max: mostPositions });
  #cancel: (() => void) | undefined;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    const kept = read(path);
    this.sinceMs = kept === undefined ? clock.epochMs() : kept.savedAtMs - unreadMs;
    for (const position of kept?.positions ?? []) this.#positions.set(position.instanceId, position);
  }

  all(): LogPosition[] {
    return [...this.#positions.values()];
  }

  keep(position: LogPosition): void {
    this.#positions.set(position.instanceId, position);
    this.#cancel ??= this.#clock.after(saveAfterMs, () => this.#save());
  }

  [Symbol.dispose](): void {
    if (this.#cancel !== undefined) this.#save();
  }

  #save(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const positions = [...this.#positions.values()].map(({ instanceId, file, offset }) => ({
      instanceId,
      file: String(file),
      offset: String(offset),
    }));
    try {
      writeFileSync(`${this.#path}.new`, JSON.stringify({ savedAtMs: this.#clock.epochMs(), positions }), {
        mode: 0o600,
      });
      renameSync(`${this.#path}.new`, this.#path);
    } catch {
      // The next life tells fewer lines than it could.
    }
  }
}

function read(path: string): z.output<typeof fileSchema> | undefined {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}
