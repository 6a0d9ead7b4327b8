/** `left`: the one who asked has gone; `removed`: the function is no longer in functions.yml. */
export type RefusalReason = "queue-full" | "queue-timeout" | "left" | "removed";

/** A request that a pool does not serve. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
