import { randomBytes } from "node:crypto";
import PQueue from "p-queue";
import { deriveHash, impossibleHash, isPassword, type PasswordHash, usualCost } from "./hash.ts";

/** So that many attempts take neither all memory nor all of libuv's threads (four), which files need as well. */
const hashesAtOnce = 2;
const mostWaiting = 50;

/** More attempts are under way than can be checked in good time. */
export class TooManyAttempts extends Error {
  override readonly name = "TooManyAttempts";
}

/** A user's password as it is known: hashed in a file, or plain in the environment. */
export type KnownPassword = PasswordHash | { readonly plain: string };

/** Checks passwords, a few at a time. */
export class PasswordCheck {
  readonly #queue = new PQueue({ concurrency: hashesAtOnce });
  readonly #hashed = new Map<string, Promise<PasswordHash>>();

  /**
   * Takes as long for a user that is not there as for one that is.
   * @param known undefined: there is no such user
   * @param like a hash whose cost those of the other users have
   * @throws TooManyAttempts
   */
  async isRight(password: string, known: KnownPassword | undefined, like?: PasswordHash): Promise<boolean> {
    if (this.#queue.size >= mostWaiting) throw new TooManyAttempts("too many attempts wait for their check");
    return this.#queue.add(async () => {
      const hash = known === undefined ? impossibleHash(like?.cost) : await this.#hashOf(known);
      return (await isPassword(password, hash)) && known !== undefined;
    });
  }

  /** A plain password is hashed once, so that checking it costs what any other costs. */
  #hashOf(known: KnownPassword): PasswordHash | Promise<PasswordHash> {
    if (!("plain" in known)) return known;
    let hash = this.#hashed.get(known.plain);
    if (hash === undefined) {
      hash = deriveHash(known.plain, randomBytes(16), usualCost);
      this.#hashed.set(known.plain, hash);
    }
    return hash;
  }
}
