import { type Answer, excerpt, isObject, malformed, parseNumbersAsText } from "./response-answer.ts";

export type HeaderPair = readonly [name: string, value: string];

/** A token (RFC 9110 section 5.6.2). */
const validName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** What Node writes: no line ends, no other control characters, nothing beyond one byte (RFC 9110 section 5.5). */
const invalidValue = /[^\t\x20-\x7e\x80-\xff]/;

/** The `headers` of an answer. @param text the whole answer, in which numbers stand as the function wrote them */
export function singleHeaders(answer: Answer, text: string): HeaderPair[] {
  const pairs: HeaderPair[] = [];
  for (const entry of entries(answer, "headers", text, isNumber)) {
    if (entry[1] !== null) pairs.push(headerPair(entry[0], entry[1]));
  }
  return pairs;
}

/**
 * `headers` and `multiValueHeaders` of an answer as one list: "If the same key-value pair is specified in both, only the
 * values from multiValueHeaders will appear" (set-up-lambda-proxy-integrations.html, "Output format").
 */
export function mergedHeaders(answer: Answer, text: string): HeaderPair[] {
  const singles = singleHeaders(answer, text);
  if (answer.multiValueHeaders === undefined) return singles;
  const multiples = entries(answer, "multiValueHeaders", text, (value) => Array.isArray(value) && value.some(isNumber));
  if (multiples.length === 0) {
    return singles;
  }
  const pairs = multiples.flatMap(([name, values]) => {
    if (values === null) {
      return [];
    }
    return Array.isArray(values)
      ? values.map((value) => headerPair(name, value))
      : malformed(`multiValueHeaders has no list at ${excerpt(name)}`);
  });
  const known = new Set(pairs.map(([name, value]) => `${name.toLowerCase()}:${value}`));
  return [...singles.filter(([name, value]) => !known.has(`${name.toLowerCase()}:${value}`)), ...pairs];
}

/** @throws Malformed for what HTTP cannot say */
export function headerPair(name: string, value: unknown): HeaderPair {
  if (!validName.test(name)) {
    return malformed(`no header can have this name: ${excerpt(name)}`);
  }
  if (typeof value !== "string" && typeof value !== "boolean") {
    return malformed(`the header ${name} is no text: ${excerpt(value)}`);
  }
  const text = String(value);
  return invalidValue.test(text)
    ? malformed(`no header can have the value of ${name}: ${excerpt(text)}`)
    : [name, text];
}

function entries(answer: Answer, key: string, text: string, numeric: (value: unknown) => boolean): [string, unknown][] {
  const headers = answer[key];
  if (headers === undefined || headers === null) {
    return [];
  }
  if (!isObject(headers)) {
    return malformed(`${key} is no object: ${excerpt(headers)}`);
  }
  const all = Object.entries(headers);
  if (!all.some((entry) => numeric(entry[1]))) {
    return all;
  }
  const exact = parseNumbersAsText(text);
  return isObject(exact) ? Object.entries(exact[key] ?? {}) : all;
}

function isNumber(value: unknown): boolean {
  return typeof value === "number";
}
