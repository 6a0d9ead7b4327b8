/**
 * The errors of CloudWatch Logs that we use, by their HTTP status
 * (docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html and each operation's own).
 */
const errors = {
  InvalidParameterException: 400,
  InvalidOperationException: 400,
  ResourceNotFoundException: 400,
  ResourceAlreadyExistsException: 400,
  LimitExceededException: 400,
  SerializationException: 400,
  UnknownOperationException: 400,
  UnrecognizedClientException: 400,
  MissingAuthenticationTokenException: 400,
  ServiceUnavailableException: 500,
  InternalFailure: 500,
} as const;

export type LogsErrorName = keyof typeof errors;

/** An answer of CloudWatch Logs that is an error. */
export class LogsError extends Error {
  override readonly name: LogsErrorName;

  constructor(name: LogsErrorName, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = name;
  }

  get status(): number {
    return errors[this.name];
  }

  /** As the AWS JSON 1.1 protocol shapes it (smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html). */
  body(): string {
    return JSON.stringify({ __type: this.name, message: this.message });
  }
}

export const invalid = (message: string) => new LogsError("InvalidParameterException", message);

/** @param what `group` or `stream` */
export const notFound = (what: "group" | "stream") =>
  new LogsError("ResourceNotFoundException", `The specified log ${what} does not exist.`);

export const exists = (what: "group" | "stream") =>
  new LogsError("ResourceAlreadyExistsException", `The specified log ${what} already exists`);
