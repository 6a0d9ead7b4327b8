import { createHash } from "node:crypto";
import { settings } from "../../common/settings.ts";
import type { FunctionSpec } from "./runtime.ts";

/**
 * `<function>-<slot>`: readable in `ctr`, and unambiguous, since a slot has digits only. Other owners than the default
 * one have a tag of theirs behind a dot, which no function's name contains (S6): 76 characters at most, containerd's
 * limit.
 */
export function workerId(functionName: string, slot: number, owner: string): string {
  const plain = `${functionName}-${slot}`;
  if (owner === settings.ESB_OWNER.default) return plain;
  return `${plain}.${createHash("sha256").update(owner).digest("hex").slice(0, 6)}`;
}

/**
 * Tells whether two specs make the same worker. What only matters while it is made, the pull policy, is left out.
 * @returns 16 hexadecimal digits
 */
export function specDigest(spec: FunctionSpec): string {
  const { name, image, command, memoryBytes, timeoutMs, tmpBytes, handler, lambdaEndpoint, driver } = spec;
  const environment = Object.entries(spec.environment).sort(([a], [b]) => (a < b ? -1 : 1));
  const made = {
    name,
    image,
    command,
    environment,
    memoryBytes,
    timeoutMs,
    tmpBytes,
    handler,
    lambdaEndpoint,
    driver,
  };
  const text = JSON.stringify(made);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
