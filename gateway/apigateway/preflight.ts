import type { IncomingMessage } from "node:http";
import type { Preflight } from "./cors.ts";

/** What a browser asks before it sends a request to another origin; undefined: this is no such question. */
export function toPreflight({ method, headers }: Pick<IncomingMessage, "method" | "headers">): Preflight | undefined {
  if (method !== "OPTIONS" || headers.origin === undefined) return undefined;
  const asked = headers["access-control-request-method"];
  if (asked === undefined) return undefined;
  return { origin: headers.origin, method: asked, headers: headers["access-control-request-headers"] };
}
