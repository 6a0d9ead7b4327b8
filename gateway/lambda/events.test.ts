import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { Status } from "nice-grpc";
import { freePort } from "../../test/support/port.ts";
import { FakeAgent } from "../testing/fake-agent.ts";
import { functionsFile, runGateway } from "../testing/gateway-process.ts";
import { type Harness, send, startHarness, until } from "../testing/harness.ts";

/** InvocationType Event: accepted, and run when there is a worker (L1). */

const one = "functions: { hello: { image: x, timeout: 30, concurrency: { max: 1 } } }";
const asEvent = { "x-amz-invocation-type": "Event" };
const receivedBy = (harness: Harness) =>
  [...harness.agent.workers.values()].flatMap(({ http }) => http.received.map(({ body }) => body));

test("L1: an Event is 202 with an empty body, before its function has run; it runs, and its client context stays", async () => {
  await using harness = await startHarness();
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("ensure", gate.promise);
  const context = { ...asEvent, "x-amz-client-context": "e30=", "x-amz-log-type": "Tail" };
  const accepted = await harness.invoke("hello", '{"n":1}', context);
  assert.deepEqual([accepted.status, accepted.body], [202, ""]);
  assert.equal(accepted.headers["content-length"], "0");
  for (const name of ["x-amz-executed-version", "x-amz-log-result"]) assert.equal(accepted.headers[name], undefined);
  gate.resolve();
  await until(() => receivedBy(harness).length === 1);
  const received = harness.agent.workers.get("hello-0")?.http.received[0];
  assert.equal(received?.body, '{"n":1}');
  assert.equal(received?.headers["x-amz-client-context"], undefined);
  for (const name of ["x-amzn-requestid", "x-amzn-trace-id"]) {
    assert.equal(received?.headers[name], accepted.headers[name], name);
  }
});

test("L1: InvokeAsync is an Event, at its own path", async () => {
  await using harness = await startHarness();
  for (const [index, slash] of ["", "/"].entries()) {
    const url = `${harness.url}/2014-11-13/functions/hello/invoke-async${slash}`;
    assert.equal((await send(url, "POST", {}, "{}")).status, 202);
    await until(() => receivedBy(harness).length === index + 1);
  }
  const unknown = await send(`${harness.url}/2014-11-13/functions/nope/invoke-async/`, "POST", {}, "{}");
  assert.deepEqual([unknown.status, unknown.headers["x-amzn-errortype"]], [404, "ResourceNotFoundException"]);
  assert.equal(
    (await send(`${harness.url}/2014-11-13/other`, "GET")).headers["x-amzn-errortype"],
    "ResourceNotFoundException",
  );
});

test("L1: an Event may have 1 MiB and not one byte more; what is no JSON and who is unknown is told at once", async () => {
  await using harness = await startHarness();
  const most = Buffer.from(`"${"a".repeat(2 ** 20 - 2)}"`);
  assert.equal((await harness.invoke("hello", most, asEvent)).status, 202);
  const larger = await harness.invoke("hello", Buffer.concat([most, Buffer.from(" ")]), asEvent);
  assert.deepEqual([larger.status, larger.headers["x-amzn-errortype"]], [413, "RequestTooLargeException"]);
  assert.deepEqual(JSON.parse(larger.body), {
    Type: "User",
    message: "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
  });
  assert.equal((await harness.invoke("hello", "{", asEvent)).status, 400);
  assert.equal((await harness.invoke("nope", "{}", asEvent)).status, 404);
});

for (const [setting, value, why] of [
  ["ESB_EVENT_QUEUE_LIMIT", "2", /2 events are waiting already/],
  ["ESB_EVENT_QUEUE_MIB", "1", /all the memory they may/],
] as const) {
  test(`L1: events beyond ${setting} are 429 with AWS's reason, and there is room again when they have run`, async () => {
    await using harness = await startHarness({ [setting]: value }, one);
    const running: ServerResponse[] = [];
    harness.agent.handler = (_request, response) => running.push(response);
    // With what is kept of their heads.
    const half = Buffer.from(`"${"a".repeat(2 ** 19 - 1000)}"`);
    for (let event = 0; event < 2; event++) assert.equal((await harness.invoke("hello", half, asEvent)).status, 202);
    const refused = await harness.invoke("hello", half, asEvent);
    assert.deepEqual([refused.status, refused.headers["x-amzn-errortype"]], [429, "TooManyRequestsException"]);
    assert.equal(refused.headers["retry-after"], "1");
    const { Reason, Type, message } = JSON.parse(refused.body);
    assert.deepEqual([Reason, Type], ["FunctionInvocationRateLimitExceeded", "User"]);
    assert.match(message, why);
    await until(() => running.length === 1);
    running[0]?.end("{}");
    await until(() => running.length === 2);
    assert.equal((await harness.invoke("hello", half, asEvent)).status, 202);
    running[1]?.end("{}");
    await until(() => running.length === 3);
    running[2]?.end("{}");
  });
}

test("L1: what a waiting event keeps of its request's head counts, too", async () => {
  await using harness = await startHarness({ ESB_EVENT_QUEUE_MIB: "1" }, one);
  const gate = Promise.withResolvers<void>();
  harness.agent.gates.set("ensure", gate.promise);
  const head = { ...asEvent, "x-amzn-trace-id": `Root=1-5d02e5ca-57f231fb1730439585cb4f71;X=${"x".repeat(6000)}` };
  let accepted = 0;
  while (accepted < 200 && (await harness.invoke("hello", "1", head)).status === 202) accepted++;
  assert.ok(accepted < 2 ** 20 / 6000, `${accepted}`);
  gate.resolve();
});

test("L1: events run in turn, and whoever waits for an answer waits for one of them at most", async () => {
  await using harness = await startHarness({ ESB_QUEUE_LIMIT: "1" }, one);
  const running: { response: ServerResponse; body: string }[] = [];
  harness.agent.handler = (_request, response, body) => running.push({ response, body: String(body) });
  for (const event of ["1", "2", "3"]) assert.equal((await harness.invoke("hello", event, asEvent)).status, 202);
  await until(() => running.length === 1);
  const waits = harness.invoke("hello", '"now"');
  await until(async () => (await harness.get("/metrics")).body.includes('esb_queue_length{function="hello"} 1'));
  for (let turn = 0; turn < 4; turn++) {
    await until(() => running.length === turn + 1);
    running[turn]?.response.end("{}");
  }
  assert.equal((await waits).status, 200);
  assert.deepEqual(running.map(({ body }) => body).toSorted(), ['"now"', "1", "2", "3"]);
  assert.ok(running.findIndex(({ body }) => body === '"now"') <= 1);
});

test("L1: an event whose worker cannot be had for now runs later", async () => {
  await using harness = await startHarness();
  const status = Status.RESOURCE_EXHAUSTED;
  harness.agent.failures.set("ensure", { code: "HOST_EXHAUSTED", status, message: "no room" });
  assert.equal((await harness.invoke("hello", "1", asEvent)).status, 202);
  await until(() => harness.agent.calls.some((call) => call.startsWith("ensure")));
  harness.agent.failures.clear();
  await until(() => receivedBy(harness).length === 1);
});

/** A gateway in a process of its own, whose log can be read. */
async function ownProcess(agent: FakeAgent, stack: AsyncDisposableStack, variables: Record<string, string> = {}) {
  const { file } = stack.use(await functionsFile(one));
  const port = await freePort();
  const gateway = stack.use(
    runGateway({
      ESB_FUNCTIONS: file,
      ESB_GATEWAY_PORT: String(port),
      ESB_WORKER_API_PORT: "0",
      ESB_AGENT_ADDRESS: await agent.listen(),
      ESB_FREEZE_AFTER_MS: "-1",
      ...variables,
    }),
  );
  await gateway.logged("agent is there");
  const url = `http://127.0.0.1:${port}/2015-03-31/functions/hello/invocations`;
  const event = async (body: string) => assert.equal((await send(url, "POST", asEvent, body)).status, 202);
  return { gateway, event };
}

test("L1: what an event's function says of its failure is in the log, with the event's id", async () => {
  await using stack = new AsyncDisposableStack();
  const agent = stack.use(new FakeAgent());
  agent.handler = (_request, response) => {
    response.writeHead(200, { "x-amz-function-error": "Unhandled" }).end('{"errorMessage":"out of paper"}');
  };
  const { gateway, event } = await ownProcess(agent, stack);
  await event("1");
  await gateway.logged("event failed");
  const line = gateway.output.out.split("\n").find((text) => text.includes("event failed")) ?? "";
  const { requestId, function: name } = JSON.parse(line);
  assert.equal(name, "hello");
  assert.equal(requestId, agent.workers.get("hello-0")?.http.received[0]?.headers["x-amzn-requestid"]);
  assert.match(line, /out of paper/);
});

test("S4 L1: a gateway that is told to end runs its events first, and names those that it could not", async () => {
  await using stack = new AsyncDisposableStack();
  const agent = stack.use(new FakeAgent());
  const running: ServerResponse[] = [];
  agent.handler = (_request, response) => running.push(response);
  const { gateway, event } = await ownProcess(agent, stack, { ESB_DRAIN_TIMEOUT_MS: "1500" });
  for (const body of ["1", "2", "3"]) await event(body);
  await until(() => running.length === 1);
  gateway.child.kill("SIGTERM");
  await gateway.logged("gateway stops");
  running[0]?.end("{}");
  await until(() => running.length === 2);
  assert.equal((await gateway.exited)[0], 0);
  assert.equal(gateway.output.out.split("event is lost").length - 1, 2, "the second, which ran, and the third");
});
