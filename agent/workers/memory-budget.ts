import { AgentError } from "../errors.ts";

/** A worker as the budget counts it. */
export interface MemoryHolder {
  readonly id: string;
  readonly memoryBytes: number;
}

export interface MemoryBudgetOptions {
  /** What the limits of all workers may add up to. */
  readonly bytes: number;
  /** ESB_MEMORY_PERCENT, to be named where it refuses. */
  readonly percent: number;
}

const mebibyte = 1024 ** 2;

/**
 * What the limits of these workers would add up to with the wanted one among them: each id counts once, with the
 * larger of its limits, since a worker that is replaced is gone before the next one starts.
 */
export function committedBytes(holders: Iterable<MemoryHolder>, wanted: MemoryHolder): number {
  const largest = new Map<string, number>();
  for (const { id, memoryBytes } of [...holders, wanted]) {
    largest.set(id, Math.max(largest.get(id) ?? 0, memoryBytes));
  }
  return [...largest.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * G6: the host's memory is not overbooked beyond the setting, whoever starts workers at the same time. A start reserves
 * before it touches anything, and keeps its reservation until the worker itself is known or gone.
 */
export class MemoryBudget {
  readonly #options: MemoryBudgetOptions;
  readonly #reserved = new Set<MemoryHolder>();

  constructor(options: MemoryBudgetOptions) {
    this.#options = options;
  }

  /**
   * @param present the workers that there are, whatever they do
   * @throws AgentError MEMORY_EXHAUSTED
   */
  reserve(wanted: MemoryHolder, present: Iterable<MemoryHolder>): Disposable {
    const { bytes, percent } = this.#options;
    const sum = committedBytes([...present, ...this.#reserved], wanted);
    if (sum > bytes) {
      const [wantedMib, sumMib, mostMib] = [wanted.memoryBytes, sum, bytes].map((each) => Math.floor(each / mebibyte));
      throw new AgentError(
        "MEMORY_EXHAUSTED",
        `no memory left for worker ${wanted.id}: with its ${wantedMib} MiB the limits of all workers would be ` +
          `${sumMib} MiB, and ${mostMib} MiB are allowed (ESB_MEMORY_PERCENT=${percent})`,
      );
    }
    const reservation = { id: wanted.id, memoryBytes: wanted.memoryBytes };
    this.#reserved.add(reservation);
    return { [Symbol.dispose]: () => void this.#reserved.delete(reservation) };
  }
}
