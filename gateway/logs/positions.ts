import { join } from "node:path";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { LogPosition } from "../../proto/gen/esb/agent/v1/agent.ts";
import { KeptFile, readKept } from "../files/kept.ts";
import type { Clock } from "../pool/clock.ts";
import type { KeptPositions } from "./worker-logs.ts";

/** Far more workers than a gateway has at a time. */
const mostPositions = 4096;
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

/** How far workers' logs have been read, in a file: a gateway that is killed tells lines of its last second twice. */
export class PositionsFile implements KeptPositions, Disposable {
  readonly sinceMs: number;
  readonly #positions = new LRUCache<string, LogPosition>({ max: mostPositions });
  readonly #file: KeptFile;

  constructor(path: string, clock: Clock) {
    const kept = readKept(path, fileSchema);
    this.sinceMs = kept === undefined ? clock.epochMs() : kept.savedAtMs - unreadMs;
    for (const position of kept?.positions ?? []) this.#positions.set(position.instanceId, position);
    this.#file = new KeptFile(path, clock, () => ({
      savedAtMs: clock.epochMs(),
      // JSON has no such large numbers.
      positions: this.all().map((position) => ({
        ...position,
        file: String(position.file),
        offset: String(position.offset),
      })),
    }));
  }

  all(): LogPosition[] {
    return [...this.#positions.values()];
  }

  keep(position: LogPosition): void {
    this.#positions.set(position.instanceId, position);
    this.#file.changed();
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
