/** Where the services are, named as in common/settings/services.ts. */
export interface ServiceSettings {
  readonly ESB_S3_URL: string | undefined;
  readonly ESB_DYNAMODB_URL: string | undefined;
}

/** Stands for this machine's address as workers reach it, which is not known where settings are written. */
export const ownHost = "host.esb.internal";

/**
 * What tells AWS SDKs where the services are (docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html). An
 * address rather than a name: with a name, SDKs put the bucket in front of it, and nothing resolves that.
 * @param hostAddress this machine's address as workers reach it
 */
export function serviceEndpoints(settings: ServiceSettings, hostAddress: string): Readonly<Record<string, string>> {
  const { ESB_S3_URL: s3, ESB_DYNAMODB_URL: dynamodb } = settings;
  return {
    ...(s3 !== undefined && { AWS_ENDPOINT_URL_S3: seenByWorkers(s3, hostAddress) }),
    ...(dynamodb !== undefined && { AWS_ENDPOINT_URL_DYNAMODB: seenByWorkers(dynamodb, hostAddress) }),
  };
}

/** This machine's ports that workers must reach for it, each with the setting that says so. */
export function servicePorts(settings: ServiceSettings): { readonly port: number; readonly name: string }[] {
  const named = { ESB_S3_URL: settings.ESB_S3_URL, ESB_DYNAMODB_URL: settings.ESB_DYNAMODB_URL };
  return Object.entries(named).flatMap(([name, text]) => {
    if (text === undefined) return [];
    const { hostname, port, protocol } = new URL(text);
    if (hostname !== ownHost) return [];
    return { name, port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
  });
}

function seenByWorkers(text: string, hostAddress: string): string {
  const url = new URL(text);
  if (url.hostname === ownHost) url.hostname = hostAddress;
  return url.href.replace(/\/$/, "");
}
