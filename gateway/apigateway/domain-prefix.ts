import { isIP } from "node:net";

/** `$context.domainPrefix`: the first label of the domain name; of an address, the whole. */
export function domainPrefix(domainName: string): string {
  return isIP(domainName) === 0 ? (domainName.split(".", 1)[0] ?? "") : domainName;
}
