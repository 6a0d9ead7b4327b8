import { BlockList, isIP } from "node:net";
import type { Caller, CallerCheck, CallerRequest } from "./check.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Also of an IPv4 address in IPv6's clothes. */
export function isLoopback(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && loopback.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** Headers that proxies and tunnels add. */
const ofProxy = /^(?:forwarded|via|x-real-ip|x-forwarded-.+|cf-connecting-ip)$/;

/** Whether the client may be anywhere, though a proxy of this machine has handed its request on. */
export function cameThroughProxy(headers: CallerRequest["headers"]): boolean {
  return Object.keys(headers).some((name) => ofProxy.test(name));
}

const anyone: Caller = { kind: "anyone", name: "loopback" };

/** Lets in whoever is on this machine, but no pages of other sites that its browser shows. */
export const loopbackCheck: CallerCheck = {
  check({ remoteAddress, headers }: CallerRequest): Caller | undefined {
    if (remoteAddress === undefined || !isLoopback(remoteAddress)) return undefined;
    if (cameThroughProxy(headers)) return undefined;
    return isForeignPage(headers.origin) ? undefined : anyone;
  },
};

/** Lets in everybody. */
export const openCheck: CallerCheck = { check: () => anyone };

/** Browsers send the page's origin with each POST (fetch.spec.whatwg.org, `Origin` header); others send none. */
function isForeignPage(origin: string | undefined): boolean {
  if (origin === undefined) return false;
  const { hostname = "" } = URL.parse(origin) ?? {};
  const host = hostname.replace(/^\[|\]$/g, "");
  return host !== "localhost" && !isLoopback(host);
}
