import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { WorkerState } from "../../proto/gen/esb/agent/v1/agent.ts";
import { patienceMs, startEsb, type TestEsb, type TestProcess, until } from "../support/esb.ts";
import { staticServerArchive, staticServerImage } from "../support/images.ts";
import { freePort } from "../support/port.ts";
import { testProcess, untilWhileAlive } from "../support/process.ts";
import { promptly } from "../support/slowness.ts";
import { assertNoTraces, assertTraces, tracesOf } from "../support/traces.ts";
import { watch } from "../support/watcher.ts";

/** Long enough for a gateway to start again on a busy machine. */
const timeoutMs = 6000;
/** A check of the agent's comes up to a quarter of the time late. */
const reapedWithinMs = timeoutMs * 1.5;

const functions = `
functions:
  hello: { image: "${staticServerImage}" }
  second: { image: "${staticServerImage}" }
`;

let esb: TestEsb;
let line: { process: TestProcess; start(): Promise<void>; invoke(name: string): Promise<Response> };

before(async () => {
  esb = await startEsb({
    archives: [await staticServerArchive()],
    functions,
    settings: {
      ESB_NETWORK_POOL: "0",
      ESB_FREEZE_AFTER_MS: "-1",
      ESB_OWNER_TIMEOUT_MINUTES: String(timeoutMs / 60_000),
    },
  });
  line = await secondGateway("line-1");
  await line.start();
});
after(async () => {
  await line?.process.stop("SIGKILL");
  await esb?.[Symbol.asyncDispose]();
});

/** Another gateway on the same agent, with the same functions. */
async function secondGateway(owner: string): Promise<typeof line> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const process = testProcess({
    args: ["gateway/main.ts"],
    cwd: join(import.meta.dirname, "../.."),
    environment: { ...esb.settings, ESB_OWNER: owner, ESB_GATEWAY_PORT: String(port) },
    logPath: join(esb.containerd.dir, "logs", `${owner}.log`),
  });
  const isReady = async () => assert.ok((await fetch(`${url}/ready`)).ok);
  return {
    process,
    start: async () => {
      await process.start();
      await untilWhileAlive(process, isReady, patienceMs);
    },
    invoke: (name) => fetch(`${url}/2015-03-31/functions/${name}/invocations`, { method: "POST", body: "{}" }),
  };
}

/** Who answered and how it started, for an invocation that succeeds. */
async function answered(invocation: Promise<Response>): Promise<{ worker: string; start: string }> {
  const response = await invocation;
  assert.equal(response.status, 200, await response.text());
  return { worker: response.headers.get("x-esb-worker") ?? "", start: response.headers.get("x-esb-start") ?? "" };
}

const idsOf = async (owner: string) => (await esb.workers.list({ owner })).workers.map(({ id }) => id);

test("S6: two gateways on one agent serve the same functions with workers of their own, and see no others", async () => {
  await using mine = watch(esb, { owner: "gateway" });
  await using theirs = watch(esb, { owner: "line-1" });
  const answers = await Promise.all([
    answered(esb.invoke("hello")),
    answered(line.invoke("hello")),
    answered(esb.invoke("second")),
    answered(line.invoke("second")),
  ]);
  const workers = answers.map(({ worker }) => worker);
  assert.deepEqual(
    answers.map(({ start }) => start),
    ["cold", "cold", "cold", "cold"],
  );
  assert.deepEqual(await idsOf("gateway"), ["hello-0", "second-0"]);
  const others = await idsOf("line-1");
  assert.deepEqual(
    others.map((id) => id.replace(/\.[0-9a-f]{6}$/, "")),
    ["hello-0", "second-0"],
  );
  assert.deepEqual(workers.sort(), ["hello-0", "second-0", ...others].sort());
  for (const id of workers) assert.equal(await esb.taskState(id), "RUNNING");
  for (const [watcher, ids] of [
    [mine, ["hello-0", "second-0"]],
    [theirs, others],
  ] as const) {
    for (const id of ids) {
      await watcher.first(({ event }) =>
        event?.$case === "changed" && event.value.id === id && event.value.state === WorkerState.RUNNING
          ? id
          : undefined,
      );
    }
    const seen = watcher.lines().flatMap((told) => told.split(/[ ,]/).filter((word) => word.includes("-0")));
    assert.deepEqual([...new Set(seen)].sort(), [...ids].sort());
  }
});

test("S6: the workers of a gateway that is killed are its own again when it comes back, and were never cold", async () => {
  const before = (await esb.workers.list({})).workers;
  const traces = await tracesOf(esb);
  await line.process.stop("SIGKILL");
  assert.equal((await answered(esb.invoke("hello"))).start, "warm");
  await assertTraces(esb, traces);
  // A call in its name is a sign of life: a machine with no time to spare may need longer to start it than it has.
  const keeping = setInterval(() => idsOf("line-1").catch(() => undefined), timeoutMs / 20);
  await line.start().finally(() => clearInterval(keeping));
  for (const name of ["hello", "second"]) assert.equal((await answered(line.invoke(name))).start, "warm", name);
  const instances = async () =>
    (await esb.workers.list({})).workers.map(({ instanceId, pid }) => ({ instanceId, pid }));
  assert.deepEqual(
    await instances(),
    before.map(({ instanceId, pid }) => ({ instanceId, pid })),
  );
});

test("S6: the workers of a gateway that does not come back are removed after the time, and no others", async () => {
  const others = await idsOf("line-1");
  await esb.workers.pause({ workerId: others[0] ?? "" });
  const goneFor = performance.now();
  await line.process.stop("SIGKILL");
  // Asked for by nobody's name: a call in its own would be a sign of life.
  const all = async () => (await esb.workers.list({})).workers.length;
  while (performance.now() - goneFor < timeoutMs * 0.8) {
    const count = await all();
    if (performance.now() - goneFor < timeoutMs) assert.equal(count, 4);
    await delay(timeoutMs / 20);
  }
  await promptly(reapedWithinMs, () => until(async () => assert.equal(await all(), 2), patienceMs));
  assert.deepEqual(await idsOf("gateway"), ["hello-0", "second-0"]);
  for (const name of ["hello", "second"]) assert.equal((await answered(esb.invoke(name))).start, "warm", name);
  assert.match(await esb.agent.log(), /"owner":"line-1".*an owner did not come back/);
  await until(async () => {
    const left = (await tracesOf(esb)).filter((trace) => others.some((id) => trace.includes(id)));
    assert.deepEqual(left, []);
  }, patienceMs);

  await line.start();
  assert.equal((await answered(line.invoke("hello"))).start, "cold", "it begins anew");
});

test("S6: a gateway that is there keeps its workers, however long nobody asks for them", async () => {
  const before = await idsOf("line-1");
  await delay(reapedWithinMs);
  assert.deepEqual(await idsOf("line-1"), before);
  assert.equal((await answered(line.invoke("hello"))).start, "warm");
  await esb.gateway.stop("SIGKILL");
  await line.process.stop("SIGKILL");
  const { workers } = await esb.workers.list({});
  await Promise.all(workers.map(({ id }) => esb.workers.destroy({ workerId: id })));
  await assertNoTraces(esb);
});
