import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "puppeteer-core";

/** Serves an empty page: an origin of its own. */
export async function startOrigin(): Promise<AsyncDisposable & { readonly origin: string }> {
  const server = createServer((_request, response) => {
    response.writeHead(200, ["content-type", "text/html"]).end("<!doctype html><title>elsewhere</title>");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** What a page gets to see of an answer; `blocked`: the browser does not let it. */
export type Seen =
  | {
      readonly url: string;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | { readonly blocked: string };

/** Has the page fetch something. */
export function fetchIn(page: Page, url: string, init: RequestInit): Promise<Seen> {
  return page.evaluate(
    async (target, options) => {
      try {
        const response = await fetch(target, options as RequestInit);
        const headers = Object.fromEntries(response.headers.entries());
        return { url: response.url, status: response.status, headers, body: await response.text() };
      } catch (error) {
        return { blocked: String(error) };
      }
    },
    url,
    init as object,
  );
}

/** Answers to the preflights of a page's browser, as they come: status and URL. */
export async function watchPreflights(page: Page): Promise<readonly string[]> {
  const seen: string[] = [];
  const session = await page.createCDPSession();
  session.on("Network.responseReceived", ({ type, response: { status, url } }) => {
    if (type === "Preflight") seen.push(`${status} ${url}`);
  });
  await session.send("Network.enable");
  return seen;
}
