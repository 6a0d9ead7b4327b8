import { readFile } from "node:fs/promises";
import { z } from "zod";
import { ConfigurationError } from "../../common/environment.ts";

/** A CNI configuration list, as far as we look into it; the rest is between its author and the plugins. */
export const conflistSchema = z.looseObject({
  cniVersion: z.enum(["0.4.0", "1.0.0"]),
  name: z.string().min(1),
  plugins: z
    .array(
      z.looseObject({
        type: z.string().regex(/^[A-Za-z0-9._-]+$/),
        ipMasq: z.literal(false, "ipMasq must be off: masquerade is one rule for the whole subnet").optional(),
        ipam: z.looseObject({ type: z.string().optional() }).optional(),
      }),
    )
    .min(1),
});

export type Conflist = z.output<typeof conflistSchema>;
export type PlaceholderValues = Readonly<Record<string, string | number>>;

/**
 * Reads a configuration list and fills in its placeholders (cni/README.md).
 * @throws ConfigurationError
 */
export async function loadConflist(path: string, values: PlaceholderValues): Promise<Conflist> {
  try {
    return parseConflist(await readFile(path, "utf8"), values);
  } catch (error) {
    const reason =
      error instanceof z.ZodError
        ? error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ")
        : (error as Error).message;
    throw new ConfigurationError(`ESB_CNI_CONF=${path}: ${reason}`, { cause: error });
  }
}

/** @throws SyntaxError, ZodError, Error naming an unknown placeholder */
export function parseConflist(text: string, values: PlaceholderValues): Conflist {
  return conflistSchema.parse(fill(JSON.parse(text), values));
}

/** Fills in after parsing, so that no value can change the structure; a string that is all placeholder takes its type. */
function fill(node: unknown, values: PlaceholderValues): unknown {
  if (Array.isArray(node)) return node.map((item) => fill(item, values));
  if (typeof node === "object" && node !== null) {
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, fill(value, values)]));
  }
  if (typeof node !== "string") return node;
  const whole = /^\$\{(\w+)\}$/.exec(node)?.[1];
  if (whole !== undefined) return placeholder(whole, values);
  return node.replace(/\$\{(\w+)\}/g, (_, name: string) => String(placeholder(name, values)));
}

function placeholder(name: string, values: PlaceholderValues): string | number {
  const value = values[name];
  if (value === undefined) throw new Error(`\${${name}} is unknown; known are ${Object.keys(values).join(", ")}`);
  return value;
}
