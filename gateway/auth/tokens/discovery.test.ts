import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { test } from "node:test";
import { listening } from "../../testing/listen.ts";
import { fetchIssuerKeys } from "./discovery.ts";

const keys = [{ kty: "EC", crv: "P-256", x: "x", y: "y" }];

/** A server on 127.0.0.1 that answers by path. */
async function serve(answers: (url: string) => Record<string, unknown>) {
  const server = createServer((request, response: ServerResponse) => {
    const answer = answers(url)[request.url ?? ""];
    if (typeof answer === "number") response.writeHead(answer, { location: `${url}/keys` }).end();
    else if (typeof answer === "string") response.end(answer);
    else response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer));
  });
  const port = await listening(server);
  const url = `http://127.0.0.1:${port}`;
  return { url, [Symbol.asyncDispose]: async () => void server.close() };
}

const configuration = "/pool/.well-known/openid-configuration";

test("G2: keys are found by discovery, or where the settings say", async () => {
  await using server = await serve((url) => ({
    [configuration]: { issuer: `${url}/pool`, jwks_uri: `${url}/keys`, more: 1 },
    "/keys": { keys },
  }));
  assert.deepEqual(await fetchIssuerKeys({ issuer: `${server.url}/pool`, jwksUrl: undefined }), { keys });
  assert.deepEqual(await fetchIssuerKeys({ issuer: "https://else.example", jwksUrl: `${server.url}/keys` }), { keys });
});

for (const [what, answers, expected] of [
  ["nothing there", () => ({}), /answers 404/],
  [
    "the document of another issuer",
    (url: string) => ({ [configuration]: { issuer: `${url}/else`, jwks_uri: `${url}/keys` } }),
    /is of another issuer/,
  ],
  ["no document", () => ({ [configuration]: "<html>" }), /JSON/],
  ["a document that says nothing", () => ({ [configuration]: {} }), /has no issuer and jwks_uri/],
  ["a redirection", () => ({ [configuration]: 302 }), /fetch failed/],
  [
    "keys that are none",
    (url: string) => ({ [configuration]: { issuer: `${url}/pool`, jwks_uri: `${url}/keys` }, "/keys": { keys: "no" } }),
    /is no JSON Web Key Set/,
  ],
  ["more than anybody needs", () => ({ [configuration]: " ".repeat(2 ** 20 + 1) }), /more than 1048576 bytes/],
] as const) {
  test(`G2: an issuer that is not believed: ${what}`, async () => {
    await using server = await serve(answers);
    await assert.rejects(fetchIssuerKeys({ issuer: `${server.url}/pool`, jwksUrl: undefined }), expected);
  });
}

for (const issuer of ["https://a.example", "http://127.0.0.1:8080"]) {
  test(`G2: ${issuer}, whose keys would come from elsewhere without TLS, is not believed`, async () => {
    const get = async () => ({ issuer, jwks_uri: "http://a.example/keys" });
    await assert.rejects(fetchIssuerKeys({ issuer, jwksUrl: undefined }, get), /keys without TLS/);
  });
}
