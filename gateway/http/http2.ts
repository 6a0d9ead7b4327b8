import { constants, Http2ServerRequest, Http2ServerResponse, type IncomingHttpHeaders } from "node:http2";

/** A request of HTTP/2 with the headers that it would have in HTTP/1.1, for whoever reads those. */
export class Http2Request extends Http2ServerRequest {
  constructor(...given: ConstructorParameters<typeof Http2ServerRequest>) {
    super(...given);
    const authority = this.headers[":authority"];
    if (authority !== undefined && this.headers.host === undefined) {
      this.headers.host = authority;
      this.rawHeaders.push("host", authority);
    }
    joinCookies(this.rawHeaders, this.headers);
    // A body that nothing announces; fastify would not look for it.
    if (!this.stream.endAfterHeaders && this.headers["content-length"] === undefined) {
      this.headers["transfer-encoding"] = "chunked";
    }
  }
}

/** Cookies may come one by one, and are one header outside HTTP/2 (RFC 9113 section 8.2.3). */
function joinCookies(rawHeaders: string[], { cookie }: IncomingHttpHeaders): void {
  const first = rawHeaders.indexOf("cookie");
  if (cookie === undefined || rawHeaders.indexOf("cookie", first + 1) < 0) return;
  rawHeaders[first + 1] = cookie;
  for (let index = rawHeaders.length - 2; index > first; index -= 2) {
    if (rawHeaders[index] === "cookie") rawHeaders.splice(index, 2);
  }
}

/** An answer of HTTP/2 with what Node's ServerResponse has beyond Node's own class for HTTP/2. */
export class Http2Response extends Http2ServerResponse {
  get shouldKeepAlive(): boolean {
    return this.stream?.session?.closed === false;
  }

  /** Where HTTP/1.1 says `connection: close`, HTTP/2 says GOAWAY: what runs is finished, nothing new is taken. */
  set shouldKeepAlive(value: boolean) {
    const session = this.stream?.session;
    if (!value && session?.closed === false) session.close();
  }

  /** Breaks the answer off; the connection stays. */
  override destroy(): this {
    if (this.closed) return this;
    this.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    return this;
  }
}

// Node's types promise these two; its class has neither. Node takes the stream away once it has closed.
Object.defineProperties(Http2Response.prototype, {
  destroyed: {
    get(this: Http2Response) {
      return this.stream === undefined || this.stream.destroyed;
    },
  },
  closed: {
    get(this: Http2Response) {
      return this.destroyed || this.stream.closed;
    },
  },
});
