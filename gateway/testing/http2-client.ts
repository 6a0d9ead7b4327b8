import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { buffer } from "node:stream/consumers";

export interface Http2Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A session of HTTP/2 with a gateway; any certificate will do. */
export async function openHttp2(url: string): Promise<ClientHttp2Session & AsyncDisposable> {
  const session = connect(url, { rejectUnauthorized: false });
  await once(session, "connect");
  session.on("error", () => undefined);
  return Object.assign(session, {
    async [Symbol.asyncDispose]() {
      session.destroy();
    },
  });
}

/** Sends a request on a session. @param body undefined: there is none */
export function begin(
  session: ClientHttp2Session,
  method: string,
  path: string,
  headers: Readonly<Record<string, string | string[]>> = {},
  body?: string | Buffer,
): ClientHttp2Stream {
  const stream = session.request({ ":method": method, ":path": path, ...headers }, { endStream: body === undefined });
  stream.on("error", () => undefined);
  if (body !== undefined) stream.end(body);
  return stream;
}

export async function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  const [headers] = await once(stream, "response");
  return { status: headers[":status"], headers, body: await buffer(stream) };
}
