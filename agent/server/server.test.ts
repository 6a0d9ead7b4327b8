import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { createClient, Status } from "nice-grpc";
import { ServerReflectionService } from "nice-grpc-server-reflection";
import reflection from "nice-grpc-server-reflection/lib/proto/grpc/reflection/v1/reflection_pb.js";
import { StartKind, type WatchResponse, WorkerState } from "../../proto/gen/esb/agent/v1/agent.ts";
import { hang } from "../workers/runtime.fake.ts";
import { openPort, testServer } from "./server.fake.ts";

const request = {
  function: { name: "hello", image: "localhost/hello:1", memoryMib: 128, timeoutMs: 3000 },
  slot: 0,
  owner: "gateway",
};
/** From grpc/health/v1/health.proto. */
const Serving = { SERVING: 1, NOT_SERVING: 2 };
const hello = { workerId: "hello-0" };

test("W1: a worker's life over the wire", async () => {
  await using t = await testServer();
  const { workers } = t.clients;
  const cold = await workers.ensure(request);
  assert.equal(cold.startKind, StartKind.COLD);
  assert.ok((cold.phases?.totalMs ?? 0) > 0);
  const { worker } = cold;
  assert.equal(worker?.state, WorkerState.RUNNING);

  assert.equal((await workers.pause({ ...hello, instanceId: worker?.instanceId })).worker?.state, WorkerState.PAUSED);
  assert.equal((await workers.ensure(request)).startKind, StartKind.THAWED);
  assert.equal((await workers.ensure(request)).startKind, StartKind.WARM);
  assert.equal((await workers.resume(hello)).worker?.state, WorkerState.RUNNING);
  const { memoryLimitBytes, memoryPeakBytes } = await workers.stats(hello);
  assert.deepEqual([memoryLimitBytes, memoryPeakBytes], [3n, 4n]);
  assert.deepEqual((await workers.list({})).workers, [worker]);
  assert.deepEqual((await workers.list({ owner: "other" })).workers, []);
  assert.equal((await workers.destroy({ ...hello, graceMs: 0 })).existed, true);
  assert.ok(t.runtime.calls.includes("destroy hello-0 0"));
  assert.equal((await workers.destroy(hello)).existed, false);
});

test("a Watch begins with a snapshot, and one that comes back goes on where it ended", async () => {
  await using t = await testServer();
  const { workers } = t.clients;
  const leaving = new AbortController();
  const cases: (string | undefined)[] = [];
  let position = "";
  const note = (response: WatchResponse) => {
    cases.push(response.event?.$case);
    position = response.position;
  };
  const reading = (async () => {
    for await (const response of workers.watch({ owner: "gateway" }, { signal: leaving.signal })) {
      note(response);
      if (response.event?.$case === "snapshot") await workers.ensure(request);
      if (response.event?.$case === "changed" && response.event.value.state === WorkerState.RUNNING) leaving.abort();
    }
  })();
  await assert.rejects(reading, { name: "AbortError" });
  assert.deepEqual(cases, ["snapshot", "caughtUp", "changed", "changed"]);

  await workers.ensure({ ...request, owner: "other", slot: 1 });
  await workers.pause(hello);
  await workers.destroy(hello);
  cases.length = 0;
  for await (const response of workers.watch({ owner: "gateway", position })) {
    note(response);
    if (response.event?.$case === "caughtUp") break;
  }
  assert.deepEqual(cases, ["changed", "removed", "caughtUp"]);

  for await (const response of workers.watch({ owner: "gateway", position })) {
    note(response);
    break;
  }
  assert.equal(cases.pop(), "caughtUp", "with nothing missed it is said at once");

  for await (const response of workers.watch({ owner: "gateway", position: "from.1" })) {
    note(response);
    break;
  }
  assert.deepEqual(cases, ["changed", "removed", "caughtUp", "snapshot"]);
  assert.deepEqual(t.logged, []);
});

test("L7: a watcher hears where workers reach this host; their gateway's port there is told to them", async () => {
  await using t = await testServer();
  const { workers } = t.clients;
  for await (const { event } of workers.watch({ owner: "gateway" })) {
    if (event?.$case !== "caughtUp") continue;
    assert.equal(event.value.hostAddress, "10.63.0.1");
    break;
  }
  const { worker } = await workers.ensure({ ...request, lambdaApiPort: openPort });
  assert.match(worker?.tokenDigest ?? "", /^[0-9a-f]{64}$/);
  const { worker: closed } = await workers.ensure({ ...request, slot: 1, lambdaApiPort: openPort + 1 });
  assert.equal(closed?.tokenDigest, "", "a port that workers cannot reach");
  assert.deepEqual(
    t.runtime.starts.map(({ access }) => access?.endpoint),
    [`http://10.63.0.1:${openPort}`, undefined],
  );
});

test("a List's position misses nothing that comes after it", async () => {
  await using t = await testServer();
  const { position } = await t.clients.workers.list({});
  await t.clients.workers.ensure(request);
  for await (const { event } of t.clients.workers.watch({ position })) {
    assert.equal(event?.$case === "changed" && event.value.state, WorkerState.STARTING);
    break;
  }
});

test("health: the process lives always, our services serve when we say so", async () => {
  await using t = await testServer();
  const { health } = t.clients;
  const services = ["esb.agent.v1.AgentService", "esb.agent.v1.ImageService"];
  const check = async (service: string) => (await health.check({ service })).status;
  assert.equal(await check(""), Serving.SERVING);
  for (const serving of [false, true, false]) {
    t.agent.setServing(serving);
    for (const service of services) assert.equal(await check(service), serving ? Serving.SERVING : Serving.NOT_SERVING);
  }
  assert.equal(await check(""), Serving.SERVING);
  await assert.rejects(check("nobody"), { code: Status.NOT_FOUND });
});

test("health can be watched", async () => {
  await using t = await testServer();
  const seen: number[] = [];
  for await (const { status } of t.clients.health.watch({ service: "esb.agent.v1.AgentService" })) {
    seen.push(status);
    if (status === Serving.SERVING) break;
    t.agent.setServing(true);
  }
  assert.deepEqual(seen, [Serving.NOT_SERVING, Serving.SERVING]);
});

test("at its end the server ends every Watch and waits for the other calls", async () => {
  await using t = await testServer();
  const { workers, health } = t.clients;
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  t.runtime.at("start", async () => {
    begun.resolve();
    await goOn.promise;
  });
  const watching = [untilEnd(workers.watch({})), untilEnd(health.watch({ service: "" })).catch(() => undefined)];
  const ensured = workers.ensure(request);
  await begun.promise;

  const ended = t.agent.end(60_000);
  await Promise.all(watching);
  goOn.resolve();
  assert.equal((await ensured).startKind, StartKind.COLD);
  await ended;
  await assert.rejects(workers.list({}), { code: Status.UNAVAILABLE });
});

async function untilEnd(messages: AsyncIterable<unknown>): Promise<void> {
  for await (const _message of messages);
}

test("at its end the server cuts the calls that take too long", async () => {
  await using t = await testServer();
  const begun = Promise.withResolvers<void>();
  t.runtime.at("start", (id, signal) => {
    begun.resolve();
    return hang(id, signal);
  });
  const cut = assert.rejects(t.clients.workers.ensure(request), { code: Status.CANCELLED });
  await begun.promise;
  await t.agent.end(1);
  await cut;
});

async function reflectedServices(descriptors: Uint8Array | undefined): Promise<string[]> {
  await using t = await testServer({ descriptors });
  const client = createClient(ServerReflectionService, t.channel);
  async function* ask() {
    yield new reflection.ServerReflectionRequest().setListServices("");
  }
  for await (const answer of client.serverReflectionInfo(ask())) {
    return (answer.getListServicesResponse()?.getServiceList() ?? []).map((service) => service.getName());
  }
  return [];
}

test("reflection names our services when it is switched on, and is not there when it is off", async () => {
  const descriptors = await readFile(new URL("../../proto/gen/esb.binpb", import.meta.url));
  const services = await reflectedServices(descriptors);
  assert.ok(
    services.includes("esb.agent.v1.AgentService") && services.includes("esb.agent.v1.ImageService"),
    `${services}`,
  );
  await assert.rejects(reflectedServices(undefined), { code: Status.UNIMPLEMENTED });
});
