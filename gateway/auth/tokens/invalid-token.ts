/** A token that is not accepted; the message is for the log. */
export class InvalidToken extends Error {
  override readonly name = "InvalidToken";
  /** Whether all is right with it but its time. */
  readonly expired: boolean;

  constructor(why: string, options: { readonly expired?: boolean; readonly cause?: unknown } = {}) {
    super(why, { cause: options.cause });
    this.expired = options.expired ?? false;
  }
}

/** Whether a token is right cannot be found out now, since its issuer's keys are not known and it cannot be reached. */
export class IssuerAway extends Error {
  override readonly name = "IssuerAway";
}
