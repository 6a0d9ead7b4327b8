import type { HeaderList } from "./request.ts";

/** Whether an address (IPv4 or IPv6, as text) is that of a proxy whose X-Forwarded-* headers are believed. */
export type TrustedProxies = (address: string) => boolean;

/** @param networks addresses and subnets, as in ESB_TRUSTED_PROXIES */
export function trustedProxies(_networks: readonly string[]): TrustedProxies {
  throw new Error("to be written");
}

/** The client's address; never throws. */
export function clientAddress(_socketAddress: string, _headers: HeaderList, _trusted: TrustedProxies): string {
  throw new Error("to be written");
}
