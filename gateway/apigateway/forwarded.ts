import type { TrustedProxies } from "./client-address.ts";
import type { Forwarded, HeaderList } from "./request.ts";

/** How a request came to us: the socket that it came by. */
export interface Arrival {
  /** The peer's address. */
  readonly address: string;
  /** Our own port. */
  readonly port: number;
  readonly encrypted: boolean;
}

/** What the X-Forwarded-* headers of the event will be; never throws. */
export function forwardedBy(_arrival: Arrival, _headers: HeaderList, _trusted: TrustedProxies): Forwarded {
  throw new Error("to be written");
}
