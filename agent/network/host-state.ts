import { createHash } from "node:crypto";
import { z } from "zod";
import { AgentError } from "../errors.ts";
import type { Ip } from "./ip.ts";
import { networkOf, overlaps, type Subnet } from "./subnet.ts";

/** Metric of the subnet's guard route: the largest, so that the bridge's own route wins while the bridge is there. */
export const guardMetric = 4294967295;

/** A route that keeps packets for workers that are gone from leaving the machine. */
export interface Guard {
  readonly cidr: string;
  readonly metric: number;
  /** `local`: every address of the range is this machine's own, and may be listened at. */
  readonly type: "unreachable" | "local";
}

/**
 * The guard of our identity addresses. Its metric tells whose it is: two esb on one machine that share the range would
 * else take each other's guard for their own, and see the conflict only when their workers' routes meet.
 */
export function identityGuard(network: string, cidr: string): Guard {
  return { cidr, metric: ownMetric(network), type: "unreachable" };
}

/** The route by which the process that serves the Runtime API listens at its workers' invocation addresses. */
export function invocationRoute(network: string, cidr: string): Guard {
  return { cidr, metric: ownMetric(network), type: "local" };
}

function ownMetric(network: string): number {
  const digest = createHash("sha256").update(bridgeAlias(network)).digest();
  return 2 ** 31 + (digest.readUInt32BE() >>> 2);
}

/** The part of `ip -json address` that matters here. */
const interfaces = z.array(
  z.looseObject({
    ifname: z.string(),
    ifalias: z.string().optional(),
    flags: z.array(z.string()).optional(),
    linkinfo: z.looseObject({ info_kind: z.string().optional() }).optional(),
    addr_info: z
      .array(z.looseObject({ family: z.string(), local: z.string().optional(), prefixlen: z.number() }))
      .default([]),
  }),
);

/** The part of `ip -json route` that matters here; a unicast route has no type. */
const routes = z.array(
  z.looseObject({
    type: z.string().optional(),
    dst: z.string(),
    dev: z.string().optional(),
    metric: z.number().optional(),
  }),
);

export type Interface = z.output<typeof interfaces>[number];
type Route = z.output<typeof routes>[number];

/** What is on the host already. */
export interface HostState {
  /** Interfaces that have an IPv4 address, and the bridge if there is one of its name. */
  readonly interfaces: readonly Interface[];
  readonly routes: readonly Route[];
}

export async function readHostState(ip: Ip, bridge: string, signal?: AbortSignal): Promise<HostState> {
  const [addressed, named, found] = await Promise.all([
    ip.query(["-4", "address", "show"], interfaces, signal),
    ip.query(["-details", "address", "show", "dev", bridge], interfaces, signal),
    ip.query(["-4", "route", "show", "table", "all"], routes, signal),
  ]);
  const others = (addressed ?? []).filter((one) => one.ifname !== bridge);
  return { interfaces: [...(named ?? []), ...others], routes: found ?? [] };
}

/** The alias that marks a bridge as ours. */
export function bridgeAlias(network: string): string {
  return `esb network ${network}`;
}

/**
 * Refuses a bridge name, a subnet or a range of identity addresses that somebody else uses.
 * @returns our bridge, when it is there already
 * @throws AgentError NETWORK_FAILED
 */
export function checkHostState(
  state: HostState,
  network: string,
  bridge: string,
  subnet: Subnet,
  { identities, invocations }: { readonly identities: string; readonly invocations: string },
): Interface | undefined {
  const own = state.interfaces.find((one) => one.ifname === bridge);
  if (own !== undefined && (own.linkinfo?.info_kind !== "bridge" || own.ifalias !== bridgeAlias(network))) {
    throw new AgentError(
      "NETWORK_FAILED",
      `there is an interface ${bridge} already that esb did not make; remove it or set LAMBDA_NETWORK to another name`,
    );
  }
  const holder = holderOf(state, bridge, subnet.cidr, (route) =>
    isGuard(route, { cidr: subnet.cidr, metric: guardMetric, type: "unreachable" }),
  );
  if (holder !== undefined) {
    throw new AgentError(
      "NETWORK_FAILED",
      `the workers' subnet ${subnet.cidr} overlaps ${holder}; set ESB_SUBNET to a subnet that is free`,
    );
  }
  const guard = identityGuard(network, identities);
  const sharer = holderOf(state, bridge, identities, (route) => isOfKind(route, guard));
  if (sharer !== undefined) {
    throw new AgentError(
      "NETWORK_FAILED",
      `the workers' identity addresses ${identities} overlap ${sharer}, maybe another esb's; ` +
        "set ESB_IDENTITY_SUBNET to a range that is free, such as 241.0.0.0/8",
    );
  }
  const local = invocationRoute(network, invocations);
  const taker = holderOf(state, bridge, invocations, (route) => isOfKind(route, local));
  if (taker !== undefined) {
    throw new AgentError(
      "NETWORK_FAILED",
      `the workers' invocation addresses ${invocations} overlap ${taker}, maybe another esb's; ` +
        "set ESB_INVOCATION_SUBNET to a range that is free, such as 253.0.0.0/8",
    );
  }
  return own;
}

/** Whether a guard is in place. */
export function isGuarded(state: HostState, guard: Guard): boolean {
  return state.routes.some((route) => isGuard(route, guard));
}

/** Our routes of a kind for ranges of addresses that we had in an earlier life. */
export function formerGuards(state: HostState, guard: Guard): Guard[] {
  return state.routes
    .filter((route) => isOfKind(route, guard) && route.dst !== guard.cidr)
    .map((route) => ({ ...guard, cidr: route.dst }));
}

/** Networks that were put on our bridge by an earlier life with another subnet. */
export function formerNetworks(own: Interface | undefined, subnet: Subnet): string[] {
  return (own?.addr_info ?? [])
    .filter((address) => address.family === "inet" && address.local !== undefined)
    .map((address) => networkOf(address.local ?? "", address.prefixlen))
    .filter((network) => network !== subnet.cidr);
}

function holderOf(
  state: HostState,
  bridge: string,
  cidr: string,
  isOwn: (route: Route) => boolean,
): string | undefined {
  for (const one of state.interfaces) {
    if (one.ifname === bridge) continue;
    for (const { family, local, prefixlen } of one.addr_info) {
      if (family !== "inet" || local === undefined) continue;
      const taken = networkOf(local, prefixlen);
      if (overlaps(cidr, taken)) return `${taken} of interface ${one.ifname}`;
    }
  }
  const route = state.routes.find((one) => one.dev !== bridge && !isOwn(one) && reaches(one, cidr));
  if (route === undefined) return undefined;
  return `the route ${route.type ?? ""} ${route.dst} ${route.dev === undefined ? "" : `dev ${route.dev}`}`
    .replace(/ +/g, " ")
    .trimEnd();
}

function isGuard(route: Route, guard: Guard): boolean {
  return isOfKind(route, guard) && route.dst === guard.cidr;
}

function isOfKind(route: Route, { metric, type }: Guard): boolean {
  return route.type === type && route.metric === metric;
}

/** Routes as wide as /7 are default routes, also in the two halves that VPN clients like. */
function reaches(route: Route, cidr: string): boolean {
  if (route.dst === "default") return false;
  const prefixLength = Number(route.dst.split("/")[1] ?? "32");
  return prefixLength >= 8 && overlaps(cidr, route.dst);
}
