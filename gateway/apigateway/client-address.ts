import { BlockList, isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { headersOf } from "./header-list.ts";
import type { HeaderList } from "./request.ts";

/** Whether an address (IPv4 or IPv6, as text) is that of a proxy whose X-Forwarded-* headers are believed. */
export type TrustedProxies = (address: string) => boolean;

/** @param networks addresses and subnets, as in ESB_TRUSTED_PROXIES */
export function trustedProxies(networks: readonly string[]): TrustedProxies {
  if (networks.length === 0) {
    return () => false;
  }
  const list = new BlockList();
  for (const network of networks) {
    if (network.includes("/")) {
      const [address, prefixLength] = ipaddr.parseCIDR(network);
      list.addSubnet(address.toString(), prefixLength, address.kind());
    } else {
      list.addAddress(network, isIP(network) === 6 ? "ipv6" : "ipv4");
    }
  }
  return (address) => {
    const plain = plainAddress(address);
    return plain !== undefined && list.check(plain, isIP(plain) === 6 ? "ipv6" : "ipv4");
  };
}

/**
 * The client's address, as `sourceIp` shall have it; never throws. Behind trusted proxies it is the address furthest to
 * the right in X-Forwarded-For that is not a trusted proxy's: what stands left of that, anybody could have written. An
 * entry that is no address ends the search at the proxy that sent it.
 * @param socketAddress the peer's; what is no address is handed back as it is
 */
export function clientAddress(socketAddress: string, headers: HeaderList, trusted: TrustedProxies): string {
  let client = plainAddress(socketAddress) ?? socketAddress;
  if (!trusted(client)) {
    return client;
  }
  const hops = headersOf(headers, "x-forwarded-for").join(",").split(",");
  for (const hop of hops.reverse()) {
    const address = plainAddress(withoutPort(hop.trim()));
    if (address === undefined) {
      return client;
    }
    client = address;
    if (!trusted(address)) {
      return client;
    }
  }
  return client;
}

/** The address in its usual form: IPv4 where it is one in IPv6's clothes, without a zone; undefined when it is none. */
function plainAddress(text: string): string | undefined {
  switch (isIP(text)) {
    case 4:
      return text;
    case 6:
      return text.includes(".") || text.includes("%") || /^::ffff:/i.test(text) ? unmapped(text) : text;
    default:
      return undefined;
  }
}

function unmapped(text: string): string {
  return ipaddr.process(text.split("%", 1)[0] ?? text).toString();
}

/** Some proxies write `192.0.2.1:4711` and `[2001:db8::1]:4711` (RFC 7239 section 6 has the same forms). */
function withoutPort(hop: string): string {
  const [, bracketed, dotted] = /^(?:\[([^\]]*)\](?::\d+)?|(\d+\.\d+\.\d+\.\d+):\d+)$/.exec(hop) ?? [];
  return bracketed ?? dotted ?? hop;
}
