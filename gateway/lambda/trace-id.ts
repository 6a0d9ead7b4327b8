/** X-Ray's header: a root with version, seconds since 1970 and 96 bits; more fields may stand before or behind. */
const root = /(?:^|;)\s*Root=1-[0-9a-f]{8}-[0-9a-f]{24}\s*(?:;|$)/i;

/**
 * The root of a request's trace: the client's X-Amzn-Trace-Id where it is one, else one that is made of the request's id
 * and time (docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader).
 * @param requestId a UUID
 */
export function rootTraceId(given: string | undefined, requestId: string, epochMs: number): string {
  if (given !== undefined && root.test(given)) return given;
  const seconds = Math.floor(epochMs / 1000)
    .toString(16)
    .padStart(8, "0");
  return `Root=1-${seconds}-${hexOf(requestId).slice(0, 24)}`;
}

/** What a function gets as its trace id, which always says whose part of the trace it is and whether it is recorded. */
export function invocationTraceId(given: string | undefined, requestId: string, epochMs: number): string {
  const traceId = rootTraceId(given, requestId, epochMs);
  const parent = /;\s*Parent=/i.test(traceId) ? "" : `;Parent=${hexOf(requestId).slice(16)}`;
  const sampled = /;\s*Sampled=/i.test(traceId) ? "" : ";Sampled=0";
  return `${traceId}${parent}${sampled}`;
}

/** Of a UUID as RFC 9562 section 4 writes it; several times for each request, and a search for its dashes takes twice as long. */
export function hexOf(uuid: string): string {
  return `${uuid.slice(0, 8)}${uuid.slice(9, 13)}${uuid.slice(14, 18)}${uuid.slice(19, 23)}${uuid.slice(24)}`;
}
