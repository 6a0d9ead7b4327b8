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

/**
 * Parses ESB_SUBNET: a network address with /8 to /29, so that at least five workers fit beside the gateway.
 * @throws ConfigurationError
 */
export function parseSubnet(text: string): Subnet {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) {
    throw new ConfigurationError(`ESB_SUBNET=${text}: must be an IPv4 subnet such as 10.63.0.0/16`);
  }
  const [, prefixLength] = ipaddr.IPv4.parseCIDR(text);
  if (prefixLength < 8 || prefixLength > 29) {
    throw new ConfigurationError(`ESB_SUBNET=${text}: the prefix must be between /8 and /29`);
  }
  const network = ipaddr.IPv4.networkAddressFromCIDR(text);
  const cidr = `${network.toString()}/${prefixLength}`;
  if (cidr !== text) throw new ConfigurationError(`ESB_SUBNET=${text}: must begin at its network address, so ${cidr}`);
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

function parse(network: string): [ipaddr.IPv4, number] {
  return ipaddr.IPv4.parseCIDR(network.includes("/") ? network : `${network}/32`);
}
