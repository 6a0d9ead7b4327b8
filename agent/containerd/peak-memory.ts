import { join } from "node:path";
import { readOptional } from "../files.ts";
import { workersFolder } from "../oci/cgroup-paths.ts";

/** What is needed of a worker's statistics. */
interface Measured {
  readonly memoryUsageBytes: bigint;
  /** 0: not known. */
  readonly memoryPeakBytes: bigint;
}

/**
 * The most memory that each worker has used so far. Version 1 of the control groups tells it with the statistics; version
 * 2 since Linux 5.19, in a file of its own (kernel documentation: cgroup-v2.rst, memory.peak). Where neither does, it is
 * the most that has been seen.
 */
export class PeakMemory {
  readonly #folder: string;
  readonly #seen = new Map<string, bigint>();

  /**
   * @param root where the kernel shows control groups: /sys/fs/cgroup
   * @param namespace of our workers
   */
  constructor(root: string, namespace: string) {
    this.#folder = workersFolder(root, namespace);
  }

  /** In bytes; never less than it was, nor than what is in use now. */
  async of(id: string, { memoryUsageBytes, memoryPeakBytes }: Measured): Promise<bigint> {
    const told = memoryPeakBytes > 0n ? memoryPeakBytes : await this.#read(id);
    const known = told ?? this.#seen.get(id) ?? 0n;
    const peak = memoryUsageBytes > known ? memoryUsageBytes : known;
    if (told === undefined) this.#seen.set(id, peak);
    return peak;
  }

  /** Another worker of this id is another matter. */
  forget(id: string): void {
    this.#seen.delete(id);
  }

  async #read(id: string): Promise<bigint | undefined> {
    const text = (await readOptional(join(this.#folder, id, "memory.peak")))?.trim();
    return text !== undefined && /^\d+$/.test(text) ? BigInt(text) : undefined;
  }
}
