import type { LambdaAccess } from "../workers/runtime.ts";

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Services like AWS's that all workers are told of. */
export interface ServiceAccess {
  /** `AWS_ENDPOINT_URL_…` of each. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** What they know callers by; absent: they ask for nothing. */
  readonly credentials?: AccessKey | undefined;
}

/** What the gateway serves its workers: Lambda's API and CloudWatch Logs. */
const gatewayEndpoints = ["AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"] as const;
/** Whoever sets one of these for itself calls whom it wants, and nobody else should be sent what is ours. */
const ofItsOwn = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"] as const;

/**
 * By these, AWS SDKs find Lambda's API, CloudWatch Logs and the services and say who calls, without a line of the function's own
 * (docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html, feature-static-credentials.html).
 *
 * An SDK has one set of credentials for all services, and those like S3 refuse a session token that they have not issued
 * themselves. So a worker that has their key shows its own token for Lambda's API in the endpoint's path.
 * @param has whether the image or the function sets a variable itself
 * @param access absent: the worker cannot call Lambda's API
 */
export function awsVariables(
  has: (name: string) => boolean,
  access: LambdaAccess | undefined,
  { endpoints, credentials }: ServiceAccess,
): Record<string, string> {
  if (ofItsOwn.some(has)) return {};
  const found = Object.fromEntries(Object.entries(endpoints).filter(([name]) => !has(name)));
  const isElsewhere = gatewayEndpoints.some(has);
  if (credentials === undefined) return { ...found, ...(isElsewhere ? {} : byToken(access)) };
  const key = keyVariables(credentials);
  if (access === undefined || isElsewhere) return { ...found, ...key };
  return { ...found, ...key, ...toGateway(`${access.endpoint}/token/${access.sessionToken}`) };
}

function byToken(access: LambdaAccess | undefined): Record<string, string> {
  if (access === undefined) return {};
  return { ...toGateway(access.endpoint), ...keyVariables(access), AWS_SESSION_TOKEN: access.sessionToken };
}

function toGateway(url: string): Record<string, string> {
  return Object.fromEntries(gatewayEndpoints.map((name) => [name, url]));
}

function keyVariables({ accessKeyId, secretAccessKey }: AccessKey): Record<string, string> {
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}
