import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { z } from "zod";
import type { Clock } from "../pool/clock.ts";

/** A gateway that is killed loses what has changed within this time, unless that is much. */
const saveAfterMs = 1000;
/** Nothing else runs while it is written, so what is large is written so many times more seldom than that takes. */
const savingShare = 50;

/**
 * Something small that the gateway's next life goes on with, in a file of JSON that is written a while after changes, and
 * at the end. A file that cannot be written is done without.
 */
export class KeptFile implements Disposable {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #content: () => unknown;
  #cancel: (() => void) | undefined;
  #tookMs = 0;

  constructor(path: string, clock: Clock, content: () => unknown) {
    this.#path = path;
    this.#clock = clock;
    this.#content = content;
  }

  changed(): void {
    this.#cancel ??= this.#clock.after(Math.max(saveAfterMs, this.#tookMs * savingShare), () => this.#save());
  }

  [Symbol.dispose](): void {
    if (this.#cancel !== undefined) this.#save();
  }

  #save(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const beganMs = this.#clock.now();
    try {
      writeFileSync(`${this.#path}.new`, JSON.stringify(this.#content()), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch {
      // The next life begins with less than it could.
    }
    this.#tookMs = this.#clock.now() - beganMs;
  }
}

/** @returns undefined for a file that is not there, or not as it should be */
export function readKept<T extends z.ZodType>(path: string, schema: T): z.output<T> | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}
