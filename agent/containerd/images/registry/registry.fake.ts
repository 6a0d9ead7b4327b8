import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";

/** A registry over plain HTTP that answers as a test says. */
export async function registryAnswering(
  answer: (path: string, response: ServerResponse) => unknown,
): Promise<AsyncDisposable & { readonly host: string }> {
  const server = createServer((request, response) => answer(request.url ?? "", response)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    host: `127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
