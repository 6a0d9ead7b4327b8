import ipaddr from "ipaddr.js";
import { z } from "zod";
import { AgentError } from "../errors.ts";

/** A result of ADD (CNI spec, "Success"), of versions 0.4.0 and 1.0.0, as far as we read it. */
const resultSchema = z.looseObject({
  interfaces: z
    .array(z.looseObject({ name: z.string(), mac: z.string().optional(), sandbox: z.string().optional() }))
    .default([]),
  ips: z.array(z.looseObject({ address: z.string() })).default([]),
});

/** An error of a plugin (CNI spec, "Error"). */
const errorSchema = z.looseObject({ code: z.number(), msg: z.string(), details: z.string().optional() });

/** What the plugins made for a worker. */
export interface PluginLinks {
  /** The worker's address. */
  readonly address: string;
  /** Hardware address of the worker's interface. */
  readonly hardwareAddress: string | undefined;
  /** The interface's other end, on the bridge. */
  readonly hostInterface: string | undefined;
}

/** @throws AgentError NETWORK_FAILED when the result has no IPv4 address */
export function readResult(result: unknown, bridge: string): PluginLinks {
  const parsed = resultSchema.safeParse(result);
  const cidr = parsed.data?.ips.find((ip) => ipaddr.IPv4.isValidCIDR(ip.address))?.address;
  if (!parsed.success || cidr === undefined) {
    throw new AgentError("NETWORK_FAILED", `the CNI plugins gave no IPv4 address: ${JSON.stringify(result)}`);
  }
  const { interfaces } = parsed.data;
  return {
    address: cidr.split("/")[0] ?? "",
    hardwareAddress: interfaces.find((one) => one.sandbox)?.mac,
    hostInterface: interfaces.find((one) => !one.sandbox && one.name !== bridge)?.name,
  };
}

/** A plugin's failure in its own words: what it put into its answer and what it wrote beside it. */
export function pluginError(type: string, command: string, stdout: string, stderr: string): AgentError {
  const answer = errorSchema.safeParse(parseJson(stdout)).data;
  const words = answer === undefined ? stdout.trim() : [answer.msg, answer.details].filter(Boolean).join(": ");
  const beside = stderr.trim() === "" ? "" : `; on standard error: ${stderr.trim()}`;
  // host-local has no code of its own for this.
  const full = command === "ADD" && /no IP addresses available/i.test(words);
  return new AgentError(
    full ? "NETWORK_EXHAUSTED" : "NETWORK_FAILED",
    full
      ? `every address of the workers' subnet is taken: ${words}`
      : `CNI plugin ${type} failed in ${command}: ${words || "without a word"}${beside}`,
  );
}

/** undefined for text that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
