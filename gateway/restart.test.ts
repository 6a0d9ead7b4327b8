import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../test/support/port.ts";
import { FakeAgent } from "./testing/fake-agent.ts";
import { functionsFile, runGateway } from "./testing/gateway-process.ts";
import { send, until } from "./testing/harness.ts";

/** A gateway process with a request that its worker never answers, and how to start it once more. */
async function setUp() {
  await using stack = new AsyncDisposableStack();
  let owned: AsyncDisposableStack = stack;
  const { file } = stack.use(await functionsFile("functions: { hello: { image: x, timeout: 60 } }"));
  const runDir = await mkdtemp(join(tmpdir(), "esb-restart-"));
  stack.defer(() => rm(runDir, { recursive: true, force: true }));
  const agent = stack.use(new FakeAgent());
  let asked = 0;
  agent.handler = () => {
    asked++;
  };
  const port = await freePort();
  const address = await agent.listen();
  const start = (owner = "gateway") =>
    owned.use(
      runGateway({
        ESB_FUNCTIONS: file,
        ESB_GATEWAY_PORT: String(port),
        ESB_AGENT_ADDRESS: address,
        ESB_RUN_DIR: runDir,
        ESB_FREEZE_AFTER_MS: "-1",
        ESB_OWNER: owner,
      }),
    );
  const first = start();
  await first.logged("gateway listens");
  await first.logged("agent is there");
  const lost = send(`http://127.0.0.1:${port}/2015-03-31/functions/hello/invocations`, "POST", {}, "{}").catch(() => 0);
  await until(() => asked === 1);
  owned = stack.move();
  return { agent, first, start, lost, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test("G6 S4: a gateway that starts anew after SIGKILL replaces the worker that was left with a request", async () => {
  await using setup = await setUp();
  const instances = () => [...setup.agent.workers.values()].map(({ info }) => info.instanceId);
  const [left] = instances();
  assert.ok(left);
  setup.first.child.kill("SIGKILL");
  await setup.first.exited;
  assert.equal(await setup.lost, 0);
  const next = setup.start();
  await next.logged("may still be busy with a request from before");
  await until(() => instances().length === 1 && !instances().includes(left));
});

test("G6 S4: a second gateway of the name, which finds the port taken, touches no worker", async () => {
  await using setup = await setUp();
  const second = setup.start();
  assert.equal((await second.exited)[0], 1);
  assert.match(second.output.error, /EADDRINUSE/);
  assert.doesNotMatch(second.output.out, /agent is there|still be busy/);
  assert.ok(!setup.agent.calls.some((call) => call.startsWith("destroy")));
  assert.deepEqual([...setup.agent.workers.keys()], ["hello-0"]);
});

test("S6: a gateway of another name knows nothing of the worker that was left with a request", async () => {
  await using setup = await setUp();
  setup.first.child.kill("SIGKILL");
  await setup.first.exited;
  const other = setup.start("line-1");
  await other.logged("agent is there");
  assert.doesNotMatch(other.output.out, /still be busy/);
});
