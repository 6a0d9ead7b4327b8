import { z } from "zod";
import type { TelemetryType } from "./item.ts";

/** Names by which an extension reaches itself; anything else is out of its sandbox. */
const ownNames: readonly string[] = ["sandbox.localdomain", "sandbox"];

/** https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html; the Logs API's differs in its version. */
const schema = z.object({
  schemaVersion: z.string().optional(),
  types: z.array(z.enum(["platform", "function", "extension"])).min(1),
  buffering: z
    .object({
      maxItems: z.number().int().min(1000).max(10_000).default(10_000),
      maxBytes: z.number().int().min(262_144).max(1_048_576).default(262_144),
      timeoutMs: z.number().int().min(25).max(30_000).default(1000),
    })
    .prefault({}),
  destination: z.object({
    protocol: z.literal("HTTP"),
    URI: z.url({ protocol: /^http$/ }),
  }),
});

export interface Subscription {
  readonly types: readonly TelemetryType[];
  readonly buffering: { readonly maxItems: number; readonly maxBytes: number; readonly timeoutMs: number };
  /** Port and path of the extension's own server. */
  readonly port: number;
  readonly path: string;
}

/** What an extension asks for; a sentence: what of it cannot be. */
export function parseSubscription(value: unknown): Subscription | string {
  const parsed = schema.safeParse(value);
  if (!parsed.success)
    return parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
  const { types, buffering, destination } = parsed.data;
  const { hostname, port, pathname, search } = new URL(destination.URI);
  if (!ownNames.includes(hostname)) return `destination.URI: the host must be ${ownNames.join(" or ")}`;
  return { types, buffering, port: Number(port || 80), path: `${pathname}${search}` };
}
