import { textMap, textsMap } from "./event-maps.ts";

/** Keys and values, decoded, in the client's order. */
export type QueryPairs = readonly (readonly [key: string, value: string])[];

/**
 * A query string's pairs, as browsers write them (url.spec.whatwg.org, application/x-www-form-urlencoded): a `+` is a
 * space, a key without `=` has an empty value, empty pairs are none. A `%` that begins no escape stands for itself.
 * @param rawQuery without the `?`
 */
export function queryPairs(rawQuery: string): QueryPairs {
  if (rawQuery === "") {
    return [];
  }
  return rawQuery
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const equals = pair.indexOf("=");
      return equals === -1
        ? [decodeForm(pair), ""]
        : [decodeForm(pair.slice(0, equals)), decodeForm(pair.slice(equals + 1))];
    });
}

/** Payload 1.0: the last value of each key. */
export function lastValues(pairs: QueryPairs): Record<string, string> {
  const values = textMap();
  for (const [key, value] of pairs) {
    values[key] = value;
  }
  return values;
}

/** Payload 1.0: all values of each key. */
export function allValues(pairs: QueryPairs): Record<string, string[]> {
  const values = textsMap();
  for (const [key, value] of pairs) {
    const known = values[key];
    if (known === undefined) {
      values[key] = [value];
    } else {
      known.push(value);
    }
  }
  return values;
}

/** Payload 2.0: the values of each key, joined by commas. */
export function joinedValues(pairs: QueryPairs): Record<string, string> {
  const values = textMap();
  for (const [key, value] of pairs) {
    const known = values[key];
    values[key] = known === undefined ? value : `${known},${value}`;
  }
  return values;
}

function decodeForm(text: string): string {
  const spaced = text.includes("+") ? text.replaceAll("+", " ") : text;
  if (!spaced.includes("%")) {
    return spaced;
  }
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced.replaceAll(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll("%", ""), "hex").toString());
  }
}
