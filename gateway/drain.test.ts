import assert from "node:assert/strict";
import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { startDraining } from "./testing/draining.ts";
import { type Answer, send, until } from "./testing/harness.ts";

function assertStopped(answer: Answer, message: RegExp) {
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["x-amzn-errortype"], "ServiceException");
  assert.equal(answer.headers["retry-after"], "1");
  assert.equal(answer.headers.connection, "close");
  assert.equal(JSON.parse(answer.body).Type, "Server");
  assert.match(JSON.parse(answer.body).Message, message);
}

/** Sends on the one connection that `agent` keeps. */
async function sendOn(agent: Agent, port: number, method: string, path: string): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request({ host: "127.0.0.1", port, method, path, agent }, resolve).on("error", reject).end();
  });
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

test("S4: told to end: what runs and what waits is served, then it ends; its worker stays as it is", async () => {
  await using setup = await startDraining();
  const answers = [setup.invoke(), setup.invoke()];
  await until(() => setup.running.length === 1);
  await setup.waiting(1);
  await setup.stop();
  setup.running[0]?.end('"first"');
  await until(() => setup.running.length === 2);
  setup.running[1]?.end('"second"');
  const told = await Promise.all(answers);
  assert.deepEqual(told.map(({ status, body }) => `${status} ${body}`).sort(), ['200 "first"', '200 "second"']);
  assert.ok(told.every(({ headers }) => headers.connection === "close"));
  assert.deepEqual((await setup.gateway.exited)[0], 0);
  assert.deepEqual([...setup.agent.workers.keys()], ["hello-0"]);
  assert.deepEqual(
    setup.agent.calls.filter((call) => /destroy|pause/.test(call)),
    [],
  );
});

test("S4: while it ends: not ready, and new requests, on new and on kept connections, are 503 and close", async () => {
  await using setup = await startDraining();
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  const path = "/2015-03-31/functions/hello/invocations";
  assert.equal((await sendOn(kept, setup.port, "GET", "/health")).status, 200);
  const running = setup.invoke();
  await until(() => setup.running.length === 1);
  await setup.stop();
  assertStopped(await sendOn(kept, setup.port, "POST", path), /stopping; the function was not invoked/);
  assertStopped(await setup.invoke(), /stopping; the function was not invoked/);
  const ready = await send(`${setup.url}/ready`, "GET");
  assert.equal(ready.status, 503);
  assert.equal(JSON.parse(ready.body).stopping, true);
  setup.running[0]?.end('"done"');
  assert.equal((await running).body, '"done"');
  assert.deepEqual((await setup.gateway.exited)[0], 0);
  assert.equal(setup.running.length, 1);
});

test("S4: after ESB_DRAIN_TIMEOUT_MS what still runs or waits is 503 and says which, and the gateway ends", async () => {
  await using setup = await startDraining({ ESB_DRAIN_TIMEOUT_MS: "300" });
  const first = setup.invoke();
  await until(() => setup.running.length === 1);
  const second = setup.invoke();
  await setup.waiting(1);
  await setup.stop();
  assertStopped(await first, /it may have run, or still run$/);
  assertStopped(await second, /the function was not invoked$/);
  assert.deepEqual((await setup.gateway.exited)[0], 0);
  assert.match(setup.gateway.output.out, /"requests":2,[^\n]*gives up on requests/);
  assert.deepEqual([...setup.agent.workers.keys()], ["hello-0"]);
});

test("S4: an answer that has been begun when time is up is cut, not ended as if it were whole", async () => {
  await using setup = await startDraining({ ESB_DRAIN_TIMEOUT_MS: "0" });
  const bytes = 1_000_000;
  const arrived = Promise.withResolvers<IncomingMessage>();
  request(
    `${setup.url}/2015-03-31/functions/hello/invocations`,
    { method: "POST", agent: false },
    arrived.resolve,
  ).end();
  await until(() => setup.running.length === 1);
  setup.running[0]?.writeHead(200, { "content-length": bytes }).write(Buffer.alloc(bytes / 2, "1"));
  const response = await arrived.promise;
  assert.equal(response.statusCode, 200);
  const broken = assert.rejects(text(response), { code: "ECONNRESET" });
  await setup.stop();
  await broken;
  assert.deepEqual((await setup.gateway.exited)[0], 0);
});

for (const second of ["SIGTERM", "SIGINT"] as const) {
  test(`S4: a second signal, ${second}, ends it at once`, async () => {
    await using setup = await startDraining({ ESB_DRAIN_TIMEOUT_MS: "60000" });
    const lost = assert.rejects(setup.invoke(), { code: "ECONNRESET" });
    await until(() => setup.running.length === 1);
    await setup.stop();
    setup.gateway.child.kill(second);
    await lost;
    assert.deepEqual((await setup.gateway.exited)[0], 1);
    assert.deepEqual([...setup.agent.workers.keys()], ["hello-0"]);
  });
}
