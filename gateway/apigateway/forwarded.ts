import type { TrustedProxies } from "./client-address.ts";
import { headerOf, headersOf } from "./header-list.ts";
import type { Forwarded, HeaderList } from "./request.ts";

/** How a request came to us: the socket that it came by. */
export interface Arrival {
  /** The peer's address. */
  readonly address: string;
  /** Our own port. */
  readonly port: number;
  readonly encrypted: boolean;
}

/**
 * What the X-Forwarded-* headers of the event will be; never throws. As API Gateway does: the peer's address is put
 * behind what the request came with, protocol and port are our own. A trusted proxy's word is taken for these two.
 */
export function forwardedBy(arrival: Arrival, headers: HeaderList, trusted: TrustedProxies): Forwarded {
  const hops = hopsOf(arrival.address, headers);
  const own = arrival.encrypted ? "https" : "http";
  if (!trusted(arrival.address)) {
    return { for: hops, proto: own, port: String(arrival.port) };
  }
  const proto = protocol(headerOf(headers, "x-forwarded-proto"));
  const port = headerOf(headers, "x-forwarded-port")?.trim();
  return {
    for: hops,
    proto: proto ?? own,
    port: port !== undefined && /^\d{1,5}$/.test(port) ? port : portOf(proto, arrival.port),
  };
}

function hopsOf(socketAddress: string, headers: HeaderList): string {
  const address = socketAddress.includes(":") ? socketAddress.replace(/^::ffff:(?=\d+\.)/i, "") : socketAddress;
  const before = headersOf(headers, "x-forwarded-for");
  return before.length === 0 ? address : [...before, address].filter((hop) => hop !== "").join(", ");
}

function protocol(given: string | undefined): "http" | "https" | undefined {
  const text = given?.trim().toLowerCase();
  return text === "http" || text === "https" ? text : undefined;
}

/** A proxy that tells the protocol and no port was reached at the protocol's own. */
function portOf(proto: "http" | "https" | undefined, ownPort: number): string {
  return proto === undefined ? String(ownPort) : proto === "https" ? "443" : "80";
}
