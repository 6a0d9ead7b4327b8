import { createHash } from "node:crypto";
import type { FunctionSpec } from "./runtime.ts";

/** `<function>-<slot>`: readable in `ctr`, and unambiguous, since a slot has digits only. */
export function workerId(functionName: string, slot: number): string {
  return `${functionName}-${slot}`;
}

/**
 * Tells whether two specs make the same worker. What only matters while it is made, the pull policy, is left out.
 * @returns 16 hexadecimal digits
 */
export function specDigest(spec: FunctionSpec): string {
  const { name, image, command, memoryBytes, timeoutMs, tmpBytes, handler } = spec;
  const environment = Object.entries(spec.environment).sort(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify({ name, image, command, environment, memoryBytes, timeoutMs, tmpBytes, handler });
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
