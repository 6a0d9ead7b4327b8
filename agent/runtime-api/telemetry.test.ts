import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Admission } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { call, invoke, requestIdOf, runtimeOf, startTestRuntimeApi } from "./runtime-api.fake.ts";

interface Event {
  readonly time: string;
  readonly type: string;
  readonly record: Record<string, unknown>;
}

/** An extension's own server, at its worker's address. */
async function receiver(host: string) {
  const events: Event[] = [];
  let onEvent: (() => void) | undefined;
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    events.push(...JSON.parse(Buffer.concat(parts).toString()));
    response.end();
    onEvent?.();
  });
  server.listen(0, host);
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    events,
    async until(type: string) {
      while (!events.some((event) => event.type === type)) {
        await new Promise<void>((resolve) => {
          onEvent = resolve;
        });
      }
    },
    [Symbol.dispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function registered(worker: Admission): Promise<Record<string, string>> {
  const headers = { "lambda-extension-name": "watcher" };
  const answer = await call(worker, "POST", "/2020-01-01/extension/register", { headers, body: '{"events":[]}' });
  return { "lambda-extension-identifier": String(answer.headers["lambda-extension-identifier"]) };
}

const subscription = (port: number, host = "sandbox.localdomain") =>
  JSON.stringify({
    schemaVersion: "2022-12-13",
    types: ["platform", "function"],
    buffering: { maxItems: 1000, maxBytes: 262_144, timeoutMs: 25 },
    destination: { protocol: "HTTP", URI: `http://${host}:${port}/events` },
  });

for (const [path, types] of [
  [
    "/2022-07-01/telemetry",
    [
      "platform.initStart",
      "platform.telemetrySubscription",
      "platform.initRuntimeDone",
      "platform.initReport",
      "platform.start",
      "platform.runtimeDone",
    ],
  ],
  ["/2020-08-15/logs", ["platform.logsSubscription", "platform.start", "platform.runtimeDone", "platform.end"]],
] as const) {
  test(`L3 ${path}: an extension is told of init and of invocations, at its own server`, async () => {
    await using api = await startTestRuntimeApi();
    const worker = await api.admit(2, { extensions: ["watcher"] });
    using server = await receiver(worker.sourceAddress);
    const ready = api.control.waitReady({ instanceId: worker.instanceId });
    const headers = await registered(worker);
    const subscribed = await call(worker, "PUT", path, { headers, body: subscription(server.port) });
    assert.deepEqual([subscribed.status, subscribed.body], [200, "OK"]);
    const waits = call(worker, "GET", "/2020-01-01/extension/event/next", { headers });
    waits.catch(() => undefined);
    const runtime = runtimeOf(worker);
    const polled = runtime.next();
    await ready;
    const answered = invoke(worker, "{}", { "x-amzn-requestid": "request-1" });
    await runtime.respond(requestIdOf(await polled), "{}");
    await answered;
    await server.until(types.at(-1) ?? "");
    assert.deepEqual(
      server.events.map(({ type }) => type),
      types,
    );
    const done = server.events.find(({ type }) => type === "platform.runtimeDone");
    assert.deepEqual([done?.record.requestId, done?.record.status], ["request-1", "success"]);
  });
}

test("L3 a subscription that cannot be is refused: no other host, no other protocol, not after init", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const headers = await registered(worker);
  const put = (body: string) => call(worker, "PUT", "/2022-07-01/telemetry", { headers, body });
  for (const wrong of [
    subscription(80, "example.com"),
    subscription(80, "127.0.0.1"),
    subscription(80).replace("HTTP", "TCP"),
    subscription(80).replace("1000", "10"),
    "{",
  ]) {
    const refused = await put(wrong);
    assert.deepEqual([refused.status, JSON.parse(refused.body).errorType], [400, "ValidationError"], wrong);
  }
  call(worker, "GET", "/2020-01-01/extension/event/next", { headers }).catch(() => undefined);
  runtimeOf(worker)
    .next()
    .catch(() => undefined);
  await api.control.waitReady({ instanceId: worker.instanceId });
  const late = await put(subscription(80));
  assert.deepEqual([late.status, JSON.parse(late.body).errorType], [403, "Telemetry.SubscriptionClosed"]);
});
