import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { type Draining, startDraining } from "./testing/draining.ts";
import { urlHost } from "./testing/function-url.ts";
import { until } from "./testing/harness.ts";

/** Streams that run when the gateway is told to end. */

const functions = "functions: { hello: { image: x, timeout: 60, url: { auth: NONE, invokeMode: RESPONSE_STREAM } } }";
const invokePath = "/2021-11-15/functions/hello/response-streaming-invocations";

/** A stream that has begun: its two ends. */
async function begun(setup: Draining, path: string, headers: Record<string, string> = {}) {
  const sent = request(`${setup.url}${path}`, { method: "POST", agent: false, headers }).end("{}");
  const before = setup.running.length;
  await until(() => setup.running.length > before);
  const worker = setup.running.at(-1) as ServerResponse;
  worker.writeHead(200, { "content-type": "text/plain", "lambda-runtime-function-response-mode": "streaming" });
  worker.write("first");
  const [client] = (await once(sent, "response")) as [IncomingMessage];
  return { worker, client };
}

test("S4 L5: told to end in the middle of streams: they are passed on to their end, then it ends", async () => {
  await using setup = await startDraining({}, functions);
  const invoked = await begun(setup, invokePath);
  const url = await begun(setup, "/", { host: urlHost("hello") });
  await setup.stop();
  const told = [text(invoked.client), text(url.client)];
  invoked.worker.end(" second");
  url.worker.end(" second");
  const [events = "", body = ""] = await Promise.all(told);
  assert.match(events, /first[\s\S]* second[\s\S]*InvokeComplete[\s\S]*\{\}/);
  assert.equal(body, "first second");
  assert.deepEqual((await setup.gateway.exited)[0], 0);
});

test("S4 L5: streams that have not ended after ESB_DRAIN_TIMEOUT_MS: the one says so, the other is cut off", async () => {
  await using setup = await startDraining({ ESB_DRAIN_TIMEOUT_MS: "200" }, functions);
  const invoked = await begun(setup, invokePath);
  const url = await begun(setup, "/", { host: urlHost("hello") });
  const cut = assert.rejects(text(url.client), { code: "ECONNRESET" });
  const events = text(invoked.client);
  await setup.stop();
  assert.match(
    await events,
    /first[\s\S]*InvokeComplete[\s\S]*\{"ErrorCode":"ServiceException","ErrorDetails":"The gateway/,
  );
  await cut;
  assert.deepEqual((await setup.gateway.exited)[0], 0);
  assert.match(setup.gateway.output.out, /"requests":2,[^\n]*gives up on requests/);
});

test("S4 L5: a client that does not read its stream holds nobody up who is told to end", async () => {
  await using setup = await startDraining({ ESB_DRAIN_TIMEOUT_MS: "200" }, functions);
  const { worker, client } = await begun(setup, invokePath);
  client.pause().on("error", () => undefined);
  const piece = Buffer.alloc(256 * 1024);
  let held = false;
  for (let written = 0; !held && written < 64 * 2 ** 20; written += piece.length) {
    worker.write(piece);
    // Held up: nothing moves for as many turns of the event loop as would move all of it.
    for (let turn = 0; turn < 500 && worker.writableNeedDrain; turn++) await new Promise(setImmediate);
    held = worker.writableNeedDrain;
  }
  assert.ok(held, "the function was never held up");
  await setup.stop();
  assert.deepEqual((await setup.gateway.exited)[0], 0);
});
