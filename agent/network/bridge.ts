import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { z } from "zod";
import { AgentError } from "../errors.ts";
import {
  bridgeAlias,
  formerGuards,
  formerNetworks,
  type Guard,
  guardMetric,
  type HostState,
  type Interface,
  identityGuard,
  invocationRoute,
  isGuarded,
  readHostState,
} from "./host-state.ts";
import type { Ip } from "./ip.ts";
import type { Subnet } from "./subnet.ts";

const links = z.array(z.looseObject({ ifname: z.string() }));

/** Networks that the guards of this life are for. */
export interface GuardedNetworks {
  readonly network: string;
  readonly subnet: Subnet;
  /** The range of identity addresses, as `240.0.0.0/8`. */
  readonly identities: string;
  /** That of invocation addresses. */
  readonly invocations: string;
}

/**
 * Puts the guard routes in place, where they are not; those of an earlier life go.
 * @param former our networks of an earlier life
 */
export async function guardNetworks(
  ip: Ip,
  guarded: GuardedNetworks,
  state: HostState,
  former: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const { wanted, ranges } = guardsOf(guarded);
  const old = [...former.map(subnetGuard), ...ranges.flatMap((guard) => formerGuards(state, guard))];
  const missing = wanted.filter((guard) => !isGuarded(state, guard));
  await ip.batchAnyway(old.map((guard) => `route del ${routeOf(guard)}`));
  if (missing.length > 0)
    await ip.batch(
      missing.map((guard) => `route replace ${routeOf(guard)}`),
      signal,
    );
}

function guardsOf({ network, subnet, identities, invocations }: GuardedNetworks): {
  readonly wanted: Guard[];
  readonly ranges: Guard[];
} {
  const ranges = [identityGuard(network, identities), invocationRoute(network, invocations)];
  return { wanted: [subnetGuard(subnet.cidr), ...ranges], ranges };
}

function subnetGuard(cidr: string): Guard {
  return { cidr, metric: guardMetric, type: "unreachable" };
}

function routeOf({ cidr, metric, type }: Guard): string {
  return `${type} ${cidr} ${type === "local" ? "dev lo " : ""}metric ${metric}`;
}

/**
 * Refuses to give our bridge another subnet while workers are attached to it.
 * @param former networks that it has and should not
 * @throws AgentError NETWORK_FAILED
 */
export async function refuseNewSubnet(
  ip: Ip,
  bridge: string,
  subnet: Subnet,
  former: readonly string[],
): Promise<void> {
  if (former.length === 0 || (await portsOf(ip, bridge)).length === 0) return;
  throw new AgentError(
    "NETWORK_FAILED",
    `workers are attached to ${bridge} with addresses of ${former.join(", ")}, and ESB_SUBNET is ${subnet.cidr}; ` +
      "set it back or stop everything first (npm run down)",
  );
}

/**
 * Makes our bridge, or brings it to what it should be.
 * @param own our bridge, when it is there already
 * @throws AgentError NETWORK_FAILED
 */
export async function ensureBridge(
  ip: Ip,
  network: string,
  bridge: string,
  subnet: Subnet,
  own: Interface | undefined,
  signal: AbortSignal,
): Promise<void> {
  const former = formerNetworks(own, subnet);
  if (own === undefined) {
    // An address of its own: a bridge takes its ports' lowest otherwise, and changes it with every worker.
    await ip.batch(
      [
        `link add name ${bridge} address ${hardwareAddress(network)} type bridge`,
        `link set dev ${bridge} alias "${bridgeAlias(network)}"`,
      ],
      signal,
    );
  }
  await disableIpv6(bridge);
  if (own !== undefined && former.length === 0 && isReady(own, subnet)) return;
  await ip.batch(
    [
      ...(former.length > 0 ? [`address flush dev ${bridge}`] : []),
      `address replace ${subnet.gateway}/${subnet.prefixLength} dev ${bridge}`,
      `link set dev ${bridge} up`,
    ],
    signal,
  );
}

/** Names of the interfaces that are attached to the bridge. */
export async function portsOf(ip: Ip, bridge: string): Promise<string[]> {
  return ((await ip.query(["link", "show", "master", bridge], links)) ?? []).map((link) => link.ifname);
}

function isReady({ flags, addr_info }: Interface, { gateway, prefixLength }: Subnet): boolean {
  return (
    flags?.includes("UP") === true && addr_info.some((one) => one.local === gateway && one.prefixlen === prefixLength)
  );
}

/** Removes our bridge, and with it the routes to workers, and the guard routes; succeeds when they are gone. */
export async function removeBridge(ip: Ip, bridge: string, guarded: GuardedNetworks): Promise<void> {
  const state = await readHostState(ip, bridge);
  const alias = bridgeAlias(guarded.network);
  const own = state.interfaces.find((one) => one.ifname === bridge && one.ifalias === alias);
  const { wanted, ranges } = guardsOf(guarded);
  const former = [
    ...formerNetworks(own, guarded.subnet).map(subnetGuard),
    ...ranges.flatMap((guard) => formerGuards(state, guard)),
  ];
  await ip.batchAnyway([
    ...(own === undefined ? [] : [`link del dev ${bridge}`]),
    ...[...wanted, ...former].map((guard) => `route del ${routeOf(guard)}`),
  ]);
}

/** @throws AgentError NETWORK_FAILED */
export async function enableForwarding(): Promise<void> {
  const path = "/proc/sys/net/ipv4/ip_forward";
  try {
    if ((await readFile(path, "utf8")).trim() !== "1") await writeFile(path, "1");
  } catch (error) {
    const advice = "set net.ipv4.ip_forward=1 on the host, or give the agent's container a writable /proc/sys";
    throw new AgentError("NETWORK_FAILED", `cannot switch on IPv4 forwarding (${path}): ${advice}`, { cause: error });
  }
}

/** Without IPv6 there is no link-local way around the rules, and no wait for duplicate address detection. */
async function disableIpv6(bridge: string): Promise<void> {
  try {
    await writeFile(`/proc/sys/net/ipv6/conf/${bridge}/disable_ipv6`, "1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") {
      throw new AgentError("NETWORK_FAILED", `cannot switch off IPv6 on ${bridge}`, { cause: error });
    }
  }
}

/** Locally administered, and the same for a network of the same name. */
function hardwareAddress(network: string): string {
  const digest = createHash("sha256").update(bridgeAlias(network)).digest();
  return ["02", ...[...digest.subarray(0, 5)].map((byte) => byte.toString(16).padStart(2, "0"))].join(":");
}
