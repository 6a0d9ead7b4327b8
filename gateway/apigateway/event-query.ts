import { put, type TextMap, type TextsMap } from "./event-maps.ts";

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

/** A query of payload 1.0. */
export interface QueryV1 {
  /** The last value of each key. */
  readonly single: TextMap;
  /** All values of each key. */
  readonly multi: TextsMap;
}

export function queryV1(pairs: QueryPairs): QueryV1 {
  const single: TextMap = {};
  const multi: TextsMap = {};
  for (const [key, values] of grouped(pairs)) {
    put(single, key, values[values.length - 1] ?? "");
    put(multi, key, values);
  }
  return { single, multi };
}

/** A query of payload 2.0: the values of each key, joined by commas. */
export function queryV2(pairs: QueryPairs): TextMap {
  const joined: TextMap = {};
  for (const [key, values] of grouped(pairs)) {
    put(joined, key, values.join(","));
  }
  return joined;
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

/** Values by key, in the order in which the keys first came. */
function grouped(pairs: QueryPairs): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [key, value] of pairs) {
    const known = groups.get(key);
    if (known === undefined) {
      groups.set(key, [value]);
    } else {
      known.push(value);
    }
  }
  return groups;
}
