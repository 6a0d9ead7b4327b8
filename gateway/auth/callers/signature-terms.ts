import { LambdaError } from "../../http/errors.ts";
import type { SignatureClaim } from "./signed-request.ts";

const minuteMs = 60_000;
/** How far a client's clock may be off: of a signed header, and of a presigned request that is not to begin yet. */
const skewMs = { header: 5 * minuteMs, query: 15 * minuteMs } as const;
const longestExpiresSeconds = 7 * 24 * 3600;

/**
 * Whether a signature is for here and now, whoever has made it; AWS's words
 * (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html).
 * @returns the refusal; undefined when it is
 */
export function refusalOfTerms(claim: SignatureClaim, region: string, nowMs: number): LambdaError | undefined {
  const { by, date, dateMs, scopeDate, expiresSeconds } = claim;
  if (claim.region !== region) return invalid(`Credential should be scoped to a valid region, not '${claim.region}'. `);
  if (claim.service !== "lambda") return invalid("Credential should be scoped to correct service: 'lambda'. ");
  if (!date.startsWith(`${scopeDate}T`)) {
    return invalid(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${scopeDate}' != '${date.slice(0, 8)}', from '${date}'.`,
    );
  }
  const skew = skewMs[by];
  const minutes = skew / minuteMs;
  const now = amzDate(nowMs);
  if (dateMs > nowMs + skew) {
    return invalid(
      `Signature not yet current: ${date} is still later than ${amzDate(nowMs + skew)} (${now} + ${minutes} min.)`,
    );
  }
  if (expiresSeconds === undefined) {
    if (dateMs >= nowMs - skew) return undefined;
    return invalid(
      `Signature expired: ${date} is now earlier than ${amzDate(nowMs - skew)} (${now} - ${minutes} min.)`,
    );
  }
  if (expiresSeconds > longestExpiresSeconds) return invalid("X-Amz-Expires must be at most a week (604800 seconds).");
  const expiredMs = dateMs + expiresSeconds * 1000;
  if (nowMs <= expiredMs) return undefined;
  return invalid(`Signature expired: ${now} is now later than ${amzDate(expiredMs)} (${date} + ${expiresSeconds} s.)`);
}

export function invalid(message: string): LambdaError {
  return new LambdaError("InvalidSignatureException", message);
}

/** `YYYYMMDDTHHMMSSZ`. */
function amzDate(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, "");
}
