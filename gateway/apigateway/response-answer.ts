import type { MalformedResponse, MappedResponse } from "./response.ts";

/** What a function answered, as far as it is an object. */
export type Answer = Readonly<Record<string, unknown>>;

/** Says why an answer is none, from any depth of reading it. */
class Malformed extends Error {
  override readonly name = "Malformed";
}

export function malformed(reason: string): never {
  throw new Malformed(reason);
}

/** Runs `read`, whose `malformed` becomes a result. */
export function orMalformed(read: () => MappedResponse): MappedResponse {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) {
      return { malformed: error.message } satisfies MalformedResponse;
    }
    throw error;
  }
}

/** @throws Malformed when it is no JSON */
export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    return malformed(`it is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/**
 * The same with numbers as the function wrote them: JavaScript's have 53 bits.
 * @throws Malformed when it is nested too deeply for that
 */
export function parseNumbersAsText(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
      typeof value === "number" ? (context?.source ?? String(value)) : value,
    );
  } catch (error) {
    return malformed(`it cannot be read: ${String(error)}`);
  }
}

export function isObject(value: unknown): value is Answer {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A final status that HTTP has (RFC 9110 section 15); AWS's own pattern for it is `[1-5]\d\d`, as a number or a string
 * (docs.aws.amazon.com/apigateway/latest/api/API_IntegrationResponse.html).
 */
export function statusOf(value: unknown): number {
  const status = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : value;
  return typeof status === "number" && Number.isInteger(status) && status >= 200 && status <= 599
    ? status
    : malformed(value === undefined ? "it has no statusCode" : `statusCode is no HTTP status: ${excerpt(value)}`);
}

/** What a log's sentence says of a value: a few words, however large it is. */
export function excerpt(value: unknown): string {
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? "a list" : "an object";
  }
  return typeof value === "string" ? JSON.stringify(value.slice(0, 100)) : String(value);
}
