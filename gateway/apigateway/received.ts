import type { IncomingMessage } from "node:http";
import type { TLSSocket } from "node:tls";
import { clientAddress, type TrustedProxies } from "./client-address.ts";
import { type Arrival, forwardedBy } from "./forwarded.ts";
import type { ApiRequest, HeaderList } from "./request.ts";

/** All of a request but its body. */
export type RequestHead = Omit<ApiRequest, "body">;

/** A request's head as Node has it, made ours; never throws. */
export function toRequestHead(
  message: IncomingMessage,
  id: string,
  receivedAtMs: number,
  trusted: TrustedProxies,
): RequestHead {
  const { method = "", url = "", headers: byName, httpVersion } = message;
  const [rawPath, rawQuery] = splitTarget(url);
  const headers = toHeaders(message);
  const arrival = arrivalOf(message);
  return {
    id,
    method,
    rawPath,
    rawQuery,
    headers,
    sourceIp: clientAddress(arrival.address, headers, trusted),
    forwarded: forwardedBy(arrival, headers, trusted),
    protocol: `HTTP/${httpVersion}`,
    domainName: withoutPort(byName.host ?? ""),
    receivedAtMs,
  };
}

/** @param target in origin form (RFC 9112 section 3.2.1) */
function splitTarget(target: string): [path: string, query: string] {
  const mark = target.indexOf("?");
  return mark < 0 ? [target, ""] : [target.slice(0, mark), target.slice(mark + 1)];
}

/** @param host a name or address, in brackets where it is one of IPv6, and perhaps a port (RFC 9110 section 7.2) */
function withoutPort(host: string): string {
  const colon = host.lastIndexOf(":");
  return colon > host.lastIndexOf("]") ? host.slice(0, colon) : host;
}

function toHeaders({ rawHeaders }: IncomingMessage): HeaderList {
  const headers: [string, string][] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const value = rawHeaders[index + 1] ?? "";
    // The pseudo headers of HTTP/2 say what method, URL and Host say.
    if (!name.startsWith(":")) headers.push([name, value]);
  }
  return headers;
}

function arrivalOf({ socket }: IncomingMessage): Arrival {
  return {
    address: socket.remoteAddress ?? "",
    port: socket.localPort ?? 0,
    encrypted: (socket as Partial<TLSSocket>).encrypted === true,
  };
}
