import ipaddr from "ipaddr.js";
import { ConfigurationError } from "../../common/environment.ts";

/** The workers' IPv4 subnet. */
export interface Subnet {
  /** As `10.63.0.0/16`. */
  readonly cidr: string;
  readonly prefixLength: number;
  /** First address; the bridge has it. */
  readonly gateway: string;
}

/** Addresses that workers are known by beside their own. */
export interface IdentityRange {
  /** As `240.0.0.0/8`. */
  readonly cidr: string;
  /** The first address, as a number. */
  readonly first: number;
  /** How many addresses it has. */
  readonly size: number;
}

/**
 * Parses ESB_IDENTITY_SUBNET: /8 to /16, so that an address comes back only after tens of thousands of workers.
 * @throws ConfigurationError also when it has an address in common with the workers' subnet
 */
export function parseIdentityRange(text: string, subnet: Subnet): IdentityRange {
  return parseRange("ESB_IDENTITY_SUBNET", text, subnet);
}

/**
 * Parses ESB_INVOCATION_SUBNET. It has an address for each identity address, so that it is as long until one comes back.
 * @throws ConfigurationError also when it has an address in common with one of the others, or is smaller than the second
 */
export function parseInvocationRange(text: string, subnet: Subnet, identities: IdentityRange): IdentityRange {
  const name = "ESB_INVOCATION_SUBNET";
  const range = parseRange(name, text, subnet);
  if (overlaps(range.cidr, identities.cidr)) {
    throw new ConfigurationError(`${name}=${text}: overlaps ESB_IDENTITY_SUBNET=${identities.cidr}`);
  }
  if (range.size < identities.size) {
    throw new ConfigurationError(`${name}=${text}: is smaller than ESB_IDENTITY_SUBNET=${identities.cidr}`);
  }
  return range;
}

function parseRange(name: string, text: string, subnet: Subnet): IdentityRange {
  const { cidr, prefixLength, network } = parseNetwork(name, text, 16);
  const range = network.range();
  if (range === "loopback" || range === "multicast" || overlaps(cidr, "255.255.255.255")) {
    throw new ConfigurationError(`${name}=${text}: workers cannot have these addresses; take one of 240.0.0.0/4`);
  }
  if (overlaps(cidr, subnet.cidr)) {
    throw new ConfigurationError(`${name}=${text}: overlaps the workers' own subnet, ESB_SUBNET=${subnet.cidr}`);
  }
  return { cidr, first: toNumber(network), size: 2 ** (32 - prefixLength) };
}

/** The address at a place of the range, counted from 0 and round again behind its end. */
export function addressAt({ first, size }: IdentityRange, place: number): string {
  const number = first + (place % size);
  return [24, 16, 8, 0].map((bits) => Math.floor(number / 2 ** bits) % 256).join(".");
}

/** The address that has the place in one range that an address has in another. */
export function counterpart(address: string, from: IdentityRange, to: IdentityRange): string {
  return addressAt(to, toNumber(ipaddr.IPv4.parse(address)) - from.first);
}

function toNumber(address: ipaddr.IPv4): number {
  return address.toByteArray().reduce((sum, byte) => sum * 256 + byte, 0);
}

/**
 * Parses ESB_SUBNET: a network address with /8 to /29, so that at least five workers fit beside the gateway.
 * @throws ConfigurationError
 */
export function parseSubnet(text: string): Subnet {
  const { cidr, prefixLength, network } = parseNetwork("ESB_SUBNET", text, 29);
  const range = network.range();
  if (range !== "private" && range !== "carrierGradeNat" && range !== "benchmarking" && range !== "unicast") {
    throw new ConfigurationError(`ESB_SUBNET=${text}: is ${range}, which workers cannot use; take a private subnet`);
  }
  const first = network.toByteArray();
  return { cidr, prefixLength, gateway: [...first.slice(0, 3), (first[3] ?? 0) + 1].join(".") };
}

/** Whether two IPv4 networks, each `address/prefix` or a single address, have an address in common. */
export function overlaps(one: string, other: string): boolean {
  const [a, aLength] = parse(one);
  const [b, bLength] = parse(other);
  return a.match(b, Math.min(aLength, bLength));
}

/** The network that an interface's address belongs to: `10.63.0.1`, 16 is in `10.63.0.0/16`. */
export function networkOf(address: string, prefixLength: number): string {
  return `${ipaddr.IPv4.networkAddressFromCIDR(`${address}/${prefixLength}`).toString()}/${prefixLength}`;
}

function parseNetwork(name: string, text: string, longestPrefix: number) {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) {
    throw new ConfigurationError(`${name}=${text}: must be an IPv4 subnet such as 10.63.0.0/16`);
  }
  const [, prefixLength] = ipaddr.IPv4.parseCIDR(text);
  if (prefixLength < 8 || prefixLength > longestPrefix) {
    throw new ConfigurationError(`${name}=${text}: the prefix must be between /8 and /${longestPrefix}`);
  }
  const network = ipaddr.IPv4.networkAddressFromCIDR(text);
  const cidr = `${network.toString()}/${prefixLength}`;
  if (cidr !== text) throw new ConfigurationError(`${name}=${text}: must begin at its network address, so ${cidr}`);
  return { cidr, prefixLength, network };
}

function parse(network: string): [ipaddr.IPv4, number] {
  return ipaddr.IPv4.parseCIDR(network.includes("/") ? network : `${network}/32`);
}
