import { type Cors, methods } from "./definition.ts";
import type { CorsObject } from "./schema.ts";

/** What `cors: true` allows: any page, without credentials, with the headers that AWS's clients send. */
const sensible: Cors = {
  allowOrigins: ["*"],
  // By name, since `*` is not a wildcard for requests with credentials (fetch.spec.whatwg.org).
  allowMethods: methods,
  allowHeaders: [
    "content-type",
    "authorization",
    "x-api-key",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-user-agent",
  ],
  exposeHeaders: [],
  allowCredentials: false,
  maxAgeSeconds: undefined,
};

/** Puts the defaults behind what a route says, key by key; `true` is what the defaults say, or all that is sensible. */
export function mergeCors(
  own: CorsObject | boolean | undefined,
  shared: CorsObject | boolean | undefined,
): Cors | undefined {
  const chosen = own ?? shared ?? false;
  if (chosen === false) return undefined;
  const { maxAge, ...given } = { ...(typeof shared === "object" ? shared : {}), ...(chosen === true ? {} : chosen) };
  return Object.freeze({ ...sensible, ...given, maxAgeSeconds: maxAge });
}

/** What cannot be, wherever its parts stand; undefined when all is well. */
export function corsProblem(cors: Cors | undefined): string | undefined {
  if (cors?.allowCredentials !== true || !cors.allowOrigins.includes("*")) return undefined;
  return "allowCredentials cannot be true for every origin; expected allowOrigins to name them";
}
