import { hash, timingSafeEqual } from "node:crypto";
import PQueue from "p-queue";
import { impossibleHash, isPassword, type PasswordHash } from "./hash.ts";

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

  /**
   * Takes as long for a user that is not there as for one that is.
   * @param known undefined: there is no such user
   * @param like a hash whose cost those of the other users have
   * @throws TooManyAttempts
   */
  async isRight(password: string, known: KnownPassword | undefined, like?: PasswordHash): Promise<boolean> {
    if (this.#queue.size >= mostWaiting) throw new TooManyAttempts("too many attempts wait for their check");
    return this.#queue.add(async () => {
      // A plain one costs what a hashed one does, at the first attempt too: else the time would tell that it is there.
      const compared = known === undefined || "plain" in known ? impossibleHash(like?.cost) : known;
      const isHashed = await isPassword(password, compared);
      return known !== undefined && "plain" in known ? isSameText(password, known.plain) : isHashed;
    });
  }
}

/** In constant time. */
function isSameText(one: string, other: string): boolean {
  const digest = (text: string) => hash("sha256", text.normalize("NFC"), "buffer");
  return timingSafeEqual(digest(one), digest(other));
}
