import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { Driver } from "../../proto/gen/esb/agent/v1/agent.ts";
import type { RemovalReason } from "../pool/agent.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { startHarness, until } from "../testing/harness.ts";
import { untilExtensionsRest } from "./extensions-rest.ts";

type Signals = { quiet: PromiseWithResolvers<boolean>; removed: (reason: RemovalReason) => void; clock: FakeClock };

for (const [name, happens, outcome] of [
  ["is quiet", ({ quiet }) => quiet.resolve(true), "done"],
  ["takes none any more", ({ quiet }) => quiet.resolve(false), "broken"],
  ["breaks the connection", ({ quiet }) => quiet.reject(new Error("gone")), "broken"],
  ["is gone, says the agent", ({ removed }) => removed("exited"), "gone"],
  ["takes longer than the function may", ({ clock }) => void clock.advance(3000), "broken"],
] as const satisfies [string, (signals: Signals) => void, string][]) {
  test(`L3 a worker with extensions that ${name} is released as ${outcome}`, async () => {
    const clock = new FakeClock();
    const quiet = Promise.withResolvers<boolean>();
    let removed: Signals["removed"] = () => assert.fail("nobody listens");
    let [lingered, late] = [0, 0];
    const lease = {
      connection: { untilQuiet: () => quiet.promise, drop: () => undefined, close: () => undefined },
      onRemoved: (callback: Signals["removed"]) => {
        removed = callback;
      },
      linger: () => {
        lingered++;
      },
    };
    const released = untilExtensionsRest(lease, 3000, clock, () => late++);
    await clock.advance(2999);
    happens({ quiet, removed, clock });
    assert.equal(await released, outcome);
    assert.deepEqual([lingered, late], [1, name === "takes longer than the function may" ? 1 : 0]);
  });
}

/** Workers whose extensions work until the test says so. */
async function withExtensions(max: number) {
  const harness = await startHarness(
    {},
    `functions: { hello: { image: x, timeout: 2, concurrency: { max: ${max} } } }`,
  );
  harness.agent.driver = Driver.RUNTIME_API;
  const polls: ServerResponse[] = [];
  harness.agent.handler = (request, response, body) => {
    if (request.url === "/esb/quiet") polls.push(response);
    else response.writeHead(200, { "x-esb-extensions-work": "1" }).end(body);
  };
  return { harness, polls };
}

test("L3 a worker whose extensions still work is busy: the next request has another", async () => {
  const { harness, polls } = await withExtensions(2);
  await using _ = harness;
  const first = await harness.invoke("hello", "1");
  assert.deepEqual([first.body, first.headers["x-esb-worker"]], ["1", "hello-0"]);
  assert.equal(first.headers["x-esb-extensions-work"], undefined, "that is nobody else's business");
  const second = await harness.invoke("hello", "2");
  assert.deepEqual([second.body, second.headers["x-esb-worker"]], ["2", "hello-1"]);
  await until(() => polls.length === 2);
  const third = harness.invoke("hello", "3");
  for (const poll of polls) poll.writeHead(204).end();
  assert.equal((await third).headers["x-esb-start"], "warm");
});

test("L3 a function that takes its invocations itself is not asked for extensions, whatever it says", async () => {
  const { harness, polls } = await withExtensions(1);
  await using _ = harness;
  harness.agent.driver = Driver.HTTP;
  for (const start of ["cold", "warm"]) assert.equal((await harness.invoke("hello")).headers["x-esb-start"], start);
  assert.deepEqual(polls, []);
});

test("L3 with no other to be had, the next request waits for the extensions outside of the worker", async () => {
  const { harness, polls } = await withExtensions(1);
  await using _ = harness;
  await harness.invoke("hello", "1");
  await until(() => polls.length === 1);
  const second = harness.invoke("hello", "2");
  await harness.get("/health");
  const received = () => harness.agent.workers.get("hello-0")?.http.received.map(({ body }) => body);
  assert.deepEqual(received(), ["1", ""]);
  polls[0]?.writeHead(204).end();
  assert.deepEqual([(await second).body, (await second).headers["x-esb-start"]], ["2", "warm"]);
});

test("L3 extensions that take longer than the function's time lose their worker", async () => {
  const { harness } = await withExtensions(1);
  await using _ = harness;
  assert.equal((await harness.invoke("hello", "1")).body, "1");
  const next = await harness.invoke("hello", "2");
  assert.deepEqual([next.body, next.headers["x-esb-start"]], ["2", "cold"]);
  assert.ok(harness.agent.calls.includes("destroy hello-0"));
});
