import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { LogStream } from "../../proto/gen/esb/agent/v1/agent.ts";
import type { Admission, FeedRequest, FeedResponse } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { call, invoke, requestIdOf, runtimeOf, startTestRuntimeApi, type TestRuntimeApi } from "./runtime-api.fake.ts";

interface Event {
  readonly time: string;
  readonly type: string;
  readonly record: Record<string, unknown> & { readonly metrics?: Record<string, number> };
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

/** The agent's end of the feed: what it is asked for, and what it tells. */
function agentOf({ control }: TestRuntimeApi) {
  const wishes = new EventEmitter<{ wish: [FeedResponse["wish"]] }>();
  const ending = new AbortController();
  const news = new PassThrough({ objectMode: true });
  const tell = (one: FeedRequest["news"]) => void news.write({ news: one });
  const agent = {
    asked: [] as FeedResponse["wish"][],
    onMeasure: () => 0,
    /** The first thing of this kind that it is asked for. */
    async wish(kind: string) {
      for (;;) {
        const found = agent.asked.find((wish) => wish?.$case === kind);
        if (found !== undefined) return found;
        await once(wishes, "wish");
      }
    },
    print(instanceId: string, extension: number, text: string, timeMs: number) {
      const line = { timeNs: BigInt(timeMs) * 1_000_000n, stream: LogStream.STDOUT, text: Buffer.from(text) };
      const position = { instanceId, file: 1n, offset: 77n };
      tell({ $case: "printed", value: { position, lines: [{ ...line, extension, partial: false }] } });
    },
    [Symbol.dispose]: () => ending.abort(),
  };
  const listen = async () => {
    for await (const { wish } of control.feed(news, { signal: ending.signal })) {
      agent.asked.push(wish);
      wishes.emit("wish", wish);
      if (wish?.$case !== "measure") continue;
      tell({ $case: "measured", value: { ...wish.value, peakBytes: BigInt(agent.onMeasure()) } });
    }
  };
  listen().catch(() => undefined);
  return agent;
}

async function registered(worker: Admission): Promise<Record<string, string>> {
  const headers = { "lambda-extension-name": "watcher" };
  const answer = await call(worker, "POST", "/2020-01-01/extension/register", { headers, body: '{"events":[]}' });
  return { "lambda-extension-identifier": String(answer.headers["lambda-extension-identifier"]) };
}

const subscription = (port: number, host = "sandbox.localdomain") =>
  JSON.stringify({
    schemaVersion: "2022-12-13",
    types: ["platform", "function", "extension"],
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
      "platform.extension",
      "platform.initReport",
      "platform.start",
      "platform.runtimeDone",
      "platform.report",
    ],
  ],
  [
    "/2020-08-15/logs",
    [
      "platform.logsSubscription",
      "platform.extension",
      "platform.start",
      "platform.runtimeDone",
      "platform.end",
      "platform.report",
    ],
  ],
] as const) {
  test(`L3 ${path}: an extension is told of init and of invocations, at its own server`, async () => {
    await using api = await startTestRuntimeApi();
    using agent = agentOf(api);
    const worker = await api.admit(2, { extensions: ["watcher"] });
    using server = await receiver(worker.sourceAddress);
    const ready = api.control.waitReady({ instanceId: worker.instanceId });
    const headers = await registered(worker);
    const subscribed = await call(worker, "PUT", path, { headers, body: subscription(server.port) });
    assert.deepEqual([subscribed.status, subscribed.body], [200, "OK"]);
    const waits = call(worker, "GET", "/2020-01-01/extension/event/next", { headers });
    waits.catch(() => undefined);
    agent.onMeasure = () => 70 * 2 ** 20 + 1;
    const runtime = runtimeOf(worker);
    const polled = runtime.next();
    await ready;
    const answered = invoke(worker, "{}", { "x-amzn-requestid": "request-1" });
    await runtime.respond(requestIdOf(await polled), "{}");
    await answered;
    runtime.next().catch(() => undefined);
    await server.until(types.at(-1) ?? "");
    assert.deepEqual(
      server.events.map(({ type }) => type),
      types,
    );
    const done = server.events.find(({ type }) => type === "platform.runtimeDone");
    assert.deepEqual([done?.record.requestId, done?.record.status], ["request-1", "success"]);
    const report = server.events.find(({ type }) => type === "platform.report")?.record;
    assert.equal(report?.requestId, "request-1");
    const { durationMs, initDurationMs, billedDurationMs, ...memory } = report?.metrics ?? {};
    assert.equal(billedDurationMs, Math.ceil((durationMs ?? 0) + (initDurationMs ?? 0)));
    assert.deepEqual(memory, { memorySizeMB: 128, maxMemoryUsedMB: 71 });
    const extension = server.events.find(({ type }) => type === "platform.extension")?.record;
    assert.deepEqual(extension, { name: "watcher", state: "Ready", events: [] });
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

/** A worker that is ready, with an extension that has subscribed. */
async function watched(api: TestRuntimeApi, number: number) {
  const worker = await api.admit(number, { extensions: ["watcher"] });
  const server = await receiver(worker.sourceAddress);
  const ready = api.control.waitReady({ instanceId: worker.instanceId });
  const headers = await registered(worker);
  await call(worker, "PUT", "/2022-07-01/telemetry", { headers, body: subscription(server.port) });
  call(worker, "GET", "/2020-01-01/extension/event/next", { headers }).catch(() => undefined);
  const polled = runtimeOf(worker).next();
  polled.catch(() => undefined);
  await ready;
  return { worker, server, polled };
}

test("L3: lines of function and extensions come to whoever subscribed to them, in between the events of their invocation", async () => {
  await using api = await startTestRuntimeApi();
  using agent = agentOf(api);
  const { worker, server, polled } = await watched(api, 2);
  using _server = server;
  await agent.wish("follow");
  const answered = invoke(worker, "{}");
  const id = requestIdOf(await polled);
  const printedMs = Date.now();
  agent.print(worker.instanceId, 0, "from the function", printedMs);
  agent.print(worker.instanceId, 1, "from the extension", printedMs + 1);
  await server.until("extension");
  await runtimeOf(worker).respond(id, "{}");
  await answered;
  await server.until("platform.runtimeDone");
  const types = server.events.map(({ type }) => type);
  assert.deepEqual(types.slice(types.indexOf("platform.start")), [
    "platform.start",
    "function",
    "extension",
    "platform.runtimeDone",
  ]);
  const line = server.events.find(({ type }) => type === "function");
  assert.deepEqual(line, { time: new Date(printedMs).toISOString(), type: "function", record: "from the function" });
});

test("L3: an agent that starts anew is asked to go on where the last one ended; for those who have not subscribed, for nothing", async () => {
  await using api = await startTestRuntimeApi();
  const other = await api.admit(3);
  runtimeOf(other)
    .next()
    .catch(() => undefined);
  await api.control.waitReady({ instanceId: other.instanceId });
  const first = agentOf(api);
  const { worker, server } = await watched(api, 2);
  using _server = server;
  await first.wish("follow");
  first.print(worker.instanceId, 0, "a line", Date.now());
  await server.until("function");
  first[Symbol.dispose]();
  using next = agentOf(api);
  const begin = { instanceId: worker.instanceId, file: 1n, offset: 77n };
  assert.deepEqual(await next.wish("follow"), {
    $case: "follow",
    value: { workerId: worker.workerId, position: begin },
  });
  await api.control.forget({ instanceId: worker.instanceId });
  assert.deepEqual(await next.wish("unfollow"), { $case: "unfollow", value: worker.instanceId });
  assert.equal(next.asked.length, 2);
});
