/** In the client's order and spelling, a repeated header several times. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** The X-Forwarded-* headers that the function sees, made by `forwardedBy`. */
export interface Forwarded {
  /** X-Forwarded-For: what the request came with, and the address that it came from. */
  readonly for: string;
  /** X-Forwarded-Proto. */
  readonly proto: "http" | "https";
  /** X-Forwarded-Port. */
  readonly port: string;
}

/** A request to a route, as the client sent it; parsed once. */
export interface ApiRequest {
  /** A UUID; the function sees it as the request's id. */
  readonly id: string;
  readonly method: string;
  /** As the client sent it: percent-encoded, without the query. */
  readonly rawPath: string;
  /** As the client sent it, without the `?`; empty when there is none. */
  readonly rawQuery: string;
  /** Of HTTP/2 without the pseudo headers, with a `host` in their place. */
  readonly headers: HeaderList;
  readonly body: Buffer;
  /** The client's address: the socket's, or what a trusted proxy says. */
  readonly sourceIp: string;
  readonly forwarded: Forwarded;
  /** `HTTP/1.1` or `HTTP/2.0`. */
  readonly protocol: string;
  /** Of the Host header, without the port. */
  readonly domainName: string;
  /** Milliseconds since 1970. */
  readonly receivedAtMs: number;
}
