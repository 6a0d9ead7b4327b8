import { put, type TextMap } from "./event-maps.ts";
import { claimTime } from "./event-time.ts";

type Claims = Readonly<Record<string, unknown>>;

/**
 * A token's claims as a REST API's Cognito authorizer hands them on. AWS says no more than that they are there
 * (set-up-lambda-proxy-integrations.html: `$context.authorizer.claims.*`); that all are strings, lists joined by commas,
 * `exp` and `iat` written out, is what events that people published show
 * (github.com/awsdocs/amazon-api-gateway-developer-guide/issues/158).
 */
export function claimsV1(claims: Claims): TextMap {
  return written(claims, (name, value) => {
    if ((name === "exp" || name === "iat") && isTime(value)) {
      return claimTime(value);
    }
    return Array.isArray(value) ? value.map(text).join(",") : text(value);
  });
}

/**
 * A token's claims as an HTTP API's JWT authorizer hands them on: strings, lists in brackets with spaces between
 * (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html).
 */
export function claimsV2(claims: Claims): TextMap {
  return written(claims, (_, value) => (Array.isArray(value) ? `[${value.map(text).join(" ")}]` : text(value)));
}

function written(claims: Claims, write: (name: string, value: unknown) => string): TextMap {
  const all: TextMap = {};
  for (const [name, value] of Object.entries(claims)) {
    if (value !== null && value !== undefined) {
      put(all, name, write(name, value));
    }
  }
  return all;
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= 8.64e12;
}

function text(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
