import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { readOptional, writeAtomically } from "../files.ts";
import { addressAt, type IdentityRange } from "./subnet.ts";

/**
 * Addresses that name a worker for ever (S7). A subnet's addresses go from one worker to the next, so whoever goes by
 * them with old knowledge, say a gateway that was stopped for a while, reaches a stranger. These go round: one comes
 * back only after the whole range has been given out, which for a /8 is after 16 million workers. So what leads to a
 * worker that is gone leads to nobody.
 */
export interface IdentityAddresses {
  /** An address that nobody has had for as long as the range is large. */
  next(): Promise<string>;
}

export interface IdentityAddressesOptions {
  readonly range: IdentityRange;
  /** File that says where the range goes on, so that it does so in the next life as well. */
  readonly path: string;
  /** Addresses of all workers that are there, whoever made them. */
  readonly inUse: () => Promise<ReadonlySet<string>>;
  /** Where to begin when no file tells: eight hexadecimal digits. */
  readonly randomHex: () => string;
}

/** So many are written off at once: a crash skips some, and not every worker waits for the disk. */
const blockSize = 256;

export function createIdentityAddresses(options: IdentityAddressesOptions): IdentityAddresses {
  const { range, path } = options;
  let block: string[] = [];
  let reserving: Promise<void> | undefined;

  async function reserve(): Promise<void> {
    const text = (await readOptional(path))?.trim() ?? "";
    const begin = Number(/^\d{1,10}$/.test(text) ? text : `0x${options.randomHex()}`) % range.size;
    await mkdir(dirname(path), { recursive: true });
    await writeAtomically(path, `${(begin + blockSize) % range.size}\n`);
    const used = await options.inUse();
    block = Array.from({ length: blockSize }, (_, index) => addressAt(range, begin + index)).filter(
      (address) => !used.has(address),
    );
  }

  return {
    async next() {
      for (;;) {
        const address = block.shift();
        if (address !== undefined) return address;
        reserving ??= reserve().finally(() => {
          reserving = undefined;
        });
        await reserving;
      }
    },
  };
}
