import type { Schema } from "./model.ts";

/** Keywords whose values are data, not schemas. */
const data = ["const", "default", "enum", "example", "examples"];
/** Keywords whose values are schemas by name. */
const maps = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/**
 * A JSON Schema as a part of a document: what it refers to in itself (`#/$defs/Item`) is looked for at its place there.
 * @param pointer of the schema within the document (RFC 6901), without `#`
 */
export function embedded(schema: Schema, pointer: string): Schema {
  // With a name of its own, its references are to that (JSON Schema, section 8.2.1).
  if (typeof schema === "boolean" || "$id" in schema) return schema;
  return rebased(schema, encodeURI(pointer)) as Schema;
}

/** @param named whether the keys are names that somebody chose, and no keywords */
function rebased(value: unknown, base: string, named = false): unknown {
  if (Array.isArray(value)) return value.map((item) => rebased(item, base));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (named) return [key, rebased(inner, base)];
      if (data.includes(key)) return [key, inner];
      if (key === "$ref" && typeof inner === "string" && /^#(?:\/|$)/.test(inner)) {
        return [key, `#${base}${inner.slice(1)}`];
      }
      return [key, rebased(inner, base, maps.includes(key))];
    }),
  );
}

/** The pointer to a member of a member of ... of the document. */
export function pointerTo(...keys: readonly string[]): string {
  return keys.map((key) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
