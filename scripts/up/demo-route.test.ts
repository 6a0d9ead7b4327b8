import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import { json } from "node:stream/consumers";
import { test } from "node:test";
import { listening } from "../../gateway/testing/listen.ts";
import { showRoute } from "./demo-route.ts";
import { readScriptSettings } from "./settings.ts";

/** What the demo says before a gateway that answers like this. */
async function shown(answer: RequestListener, environment: Record<string, string> = {}): Promise<string[]> {
  await using server = createServer(answer);
  const settings = readScriptSettings({ ESB_GATEWAY_PORT: String(await listening(server)), ...environment });
  const said: string[] = [];
  await showRoute({ settings, say: (line) => said.push(line), signal: new AbortController().signal });
  return said;
}

const gateway: RequestListener = async (request, response) => {
  if (request.method === "GET") {
    const known = request.headers.authorization === "token";
    response.writeHead(known ? 200 : 401).end(known ? "hello, edge" : "{}");
    return;
  }
  assert.equal(request.url, "/user/auth/ver1.0");
  const { AuthParameters } = (await json(request)) as { AuthParameters: object };
  const given = [request.headers["x-api-key"], ...Object.values(AuthParameters)].join(" ");
  const right = given === "esb-development-key developer developer" || given === "key-of-16-letters ada lovelace1";
  response.writeHead(right ? 200 : 401).end('{"AuthenticationResult":{"IdToken":"token"}}');
};

test("G2: a route is shown refused without a token and served with one, in development without any setting", async () => {
  const said = await shown(gateway);
  assert.match(said.join("\n"), /GET http:.*\/hello\/edge\nwithout {2}401.*\nwith {5}[\d.]+ ms: hello, edge$/);
});

test("G2: in production the route is shown with the credentials that are set, and without them not at all", async () => {
  const production = { ESB_MODE: "production" };
  assert.match((await shown(gateway, production)).join(), /wants a token; with ESB_API_KEY/);
  const set = { ESB_API_KEY: "key-of-16-letters", ESB_AUTH_USER: "ada", ESB_AUTH_PASSWORD: "lovelace1" };
  assert.match((await shown(gateway, { ...production, ...set })).join(), /hello, edge/);
});

test("routes that do not have the example are no failure; wrong credentials are one", async () => {
  const said = await shown((_request, response) => response.writeHead(403).end());
  assert.match(said.join(), /no route in ESB_ROUTING/);
  await assert.rejects(shown(gateway, { ESB_AUTH_USER: "nobody" }), /signing in was answered 401/);
});
