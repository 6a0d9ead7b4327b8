import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** One client of IPv6 has a whole network of this many bits at least (RFC 6177). */
const clientBits = 64;

/** What limits per address count as one: an IPv4 address, or the /64 network of an IPv6 address. */
export function addressGroup(address: string): string {
  if (!address.includes(":") || isIP(address) !== 6) return address;
  const parsed = ipaddr.process(address.split("%", 1)[0] ?? address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  return ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/${clientBits}`).toString();
}
