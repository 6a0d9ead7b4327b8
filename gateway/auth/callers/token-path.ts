import type { IncomingHttpHeaders } from "node:http";

/** A request as Node hands it over; its headers may be added to. */
interface RawRequest {
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/**
 * A worker with credentials of a service shows its own token not as the session token of these, which the service would
 * refuse, but in the path of its endpoint (see agent/oci/aws-variables.ts). This puts it where it is looked for.
 * @returns the path without it
 */
export function takeTokenFromPath({ url = "/", headers }: RawRequest): string {
  const [, token, path] = /^\/token\/([\w-]{1,128})(\/.*)$/.exec(url) ?? [];
  if (token === undefined || path === undefined) return url;
  headers["x-amz-security-token"] = token;
  return path;
}
