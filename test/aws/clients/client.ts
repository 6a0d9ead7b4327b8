/** What a test asks of Lambda, whichever client it asks with. */
export interface Invocation {
  readonly name: string;
  readonly payload?: string;
  readonly type?: "RequestResponse" | "Event" | "DryRun";
  readonly logType?: "None" | "Tail";
  /** In base64. */
  readonly clientContext?: string;
  readonly qualifier?: string;
}

/** What the client makes of the answer, in its own words; a client that does not show something leaves it out. */
export interface Answer {
  readonly status?: number | undefined;
  readonly functionError?: string | undefined;
  readonly executedVersion?: string | undefined;
  /** As text. */
  readonly log?: string | undefined;
  readonly payload?: string | undefined;
  readonly requestId?: string | undefined;
  readonly error?: ClientError | undefined;
}

export interface ClientError {
  readonly name: string;
  readonly message: string;
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly retryAfter?: string | undefined;
}

/** A client of AWS's, told nothing but where Lambda is. */
export interface AwsClient extends AsyncDisposable {
  invoke(invocation: Invocation): Promise<Answer>;
}

/** The environment that a client gets: an endpoint, and what it cannot do without. */
export function clientEnvironment(url: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_LAMBDA: url,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_DEFAULT_REGION: "us-east-1",
    // A throttled call is to be told of, not sent again.
    AWS_MAX_ATTEMPTS: "1",
    // Nothing of whoever runs the tests.
    AWS_CONFIG_FILE: "/nonexistent",
    AWS_SHARED_CREDENTIALS_FILE: "/nonexistent",
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

export const fromBase64 = (text: string | undefined) =>
  text === undefined ? undefined : Buffer.from(text, "base64").toString();
