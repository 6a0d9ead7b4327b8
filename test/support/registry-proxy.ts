import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";

/** Stands before a plain registry, counts what is asked for and disturbs it when told to. */
export interface RegistryProxy extends AsyncDisposable {
  readonly host: string;
  /** Digests of blobs that were asked for, in order, with the range if there was one. */
  readonly blobs: { readonly digest: string; readonly range: string | undefined; readonly status: number }[];
  /** Cuts the connection after so many bytes of this blob, so many times. */
  cut(digest: string, afterBytes: number, times: number): void;
  /** Sends so many bytes of this blob and then nothing more, until the proxy ends; told when it has got there. */
  stall(digest: string, afterBytes: number): Promise<void>;
  /** Answers every request with this status, so many times. */
  fail(status: number, times: number): void;
}

export async function startProxy(upstream: string): Promise<RegistryProxy> {
  const blobs: RegistryProxy["blobs"][number][] = [];
  const cuts = new Map<string, { afterBytes: number; times: number }>();
  const stalls = new Map<string, { afterBytes: number; reached: () => void }>();
  const failures: number[] = [];

  const pass = async (digest: string | undefined, answer: IncomingMessage, response: ServerResponse) => {
    const cut = digest === undefined ? undefined : cuts.get(digest);
    const stall = digest === undefined ? undefined : stalls.get(digest);
    const limit = cut && cut.times > 0 ? cut.afterBytes : (stall?.afterBytes ?? Number.POSITIVE_INFINITY);
    let sent = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      const part = chunk.subarray(0, limit - sent);
      sent += part.length;
      if (!response.write(part)) await writable(response);
      if (response.destroyed) return;
      if (sent < limit) continue;
      if (cut && cut.times-- > 0) setTimeout(() => response.destroy(), 20);
      else stall?.reached();
      return;
    }
    response.end();
  };

  const server = createServer((incoming, response) => {
    const failure = failures.shift();
    if (failure !== undefined) {
      response.writeHead(failure).end();
      return;
    }
    const digest = /\/blobs\/(sha256:[a-f0-9]+)$/.exec(incoming.url ?? "")?.[1];
    const options = { method: incoming.method, path: incoming.url, headers: incoming.headers };
    const outgoing = request(`http://${upstream}`, options, (answer) => {
      const { statusCode = 502 } = answer;
      if (digest) blobs.push({ digest, range: incoming.headers.range, status: statusCode });
      response.writeHead(statusCode, answer.headers);
      response.flushHeaders();
      pass(digest, answer, response).catch(() => response.destroy());
    });
    outgoing.on("error", () => response.destroy());
    incoming.pipe(outgoing);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    host: `127.0.0.1:${address.port}`,
    blobs,
    cut: (digest, afterBytes, times) => void cuts.set(digest, { afterBytes, times }),
    stall: (digest, afterBytes) => new Promise((reached) => stalls.set(digest, { afterBytes, reached })),
    fail: (status, times) => void failures.push(...Array<number>(times).fill(status)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function writable(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
}
