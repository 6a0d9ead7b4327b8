import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readlink } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { FakeAgent } from "../../gateway/testing/fake-agent.ts";
import { functionsFile, type GatewayProcess, runGateway } from "../../gateway/testing/gateway-process.ts";
import { command } from "../support/docker/command.ts";

const program = join(import.meta.dirname, "../../deploy/docker/port-keeper");
const port = 8080;
/** The network of whoever began the tests; this file runs itself in another. */
const outer = process.env.ESB_TEST_OUTER_NETWORK;
const network = await readlink("/proc/self/ns/net");

if (outer === undefined || outer === network) {
  test("D1: the port's keeper, in a network of its own", async () => {
    const inside = 'ip link set lo up && sysctl --quiet --write net.ipv4.tcp_migrate_req=1 && exec "$@"';
    const again = [process.execPath, "--test", "--test-reporter=spec", import.meta.filename];
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    await command("unshare", ["--net", "sh", "-c", inside, "sh", ...again], {
      ...environment,
      ESB_TEST_OUTER_NETWORK: network,
    });
  });
} else {
  test("D1: no request fails while one gateway follows the other; after a kill, clients wait for the next", replaced);
  test("D1: who waits longer than a gateway may be away is refused", abandoned);
  test("D1: the end of the keeper, and so of the pod's network, ends the gateway, which Docker begins anew", orphaned);
  test("G6: a second gateway finds the port taken, though two could listen there", second);
}

async function replaced() {
  await using setup = await setUp();
  let gateway = await setup.start();
  await using load = startLoad();
  await load.more(20);
  for (let time = 0; time < 2; time++) {
    gateway.child.kill("SIGTERM");
    assert.deepEqual((await gateway.exited)[0], 0);
    gateway = await setup.start();
    await load.more(20);
  }
  // A request that is under way in a gateway that is killed goes with it.
  await load.pause();
  gateway.child.kill("SIGKILL");
  await gateway.exited;
  load.resume();
  await setup.start();
  await load.more(20);
  assert.deepEqual(
    load.outcomes.filter((outcome) => outcome !== "200"),
    [],
  );
}

async function abandoned() {
  await using setup = await setUp(5);
  const gateway = await setup.start();
  assert.equal(await get(new Agent()), "200");
  gateway.child.kill("SIGKILL");
  await gateway.exited;
  assert.equal(await get(new Agent()), "ECONNRESET");
  assert.equal(await get(new Agent()), "ECONNREFUSED");
  await setup.start();
  assert.equal(await get(new Agent()), "200");
}

async function orphaned() {
  await using setup = await setUp();
  const gateway = await setup.start();
  setup.keeper.kill("SIGTERM");
  assert.deepEqual((await gateway.exited)[0], 0);
  assert.match(gateway.output.out, /the port's keeper has ended/);
}

async function second() {
  await using setup = await setUp();
  await setup.start();
  const other = setup.run();
  assert.equal((await other.exited)[0], 1);
  assert.match(other.output.error, /cannot listen .*the port's keeper says: taken/);
}

/** A keeper, and gateways with a function that answers at once. @param holdSeconds for how long the port is kept */
async function setUp(holdSeconds = 30) {
  await using stack = new AsyncDisposableStack();
  const { file } = stack.use(await functionsFile("functions: { hello: { image: x } }"));
  const agent = stack.use(new FakeAgent());
  const address = await agent.listen();
  const keeper = spawn(program, ["esb-test", String(holdSeconds)], { stdio: ["ignore", "ignore", "pipe"] });
  const keeperEnded = once(keeper, "exit");
  stack.defer(async () => {
    keeper.kill("SIGTERM");
    assert.deepEqual(await keeperEnded, [0, null]);
  });
  await once(keeper.stderr, "data");
  const run = (): GatewayProcess =>
    owned.use(
      runGateway({
        ESB_FUNCTIONS: file,
        ESB_GATEWAY_PORT: String(port),
        ESB_AGENT_ADDRESS: address,
        ESB_PORT_KEEPER: "esb-test",
        ESB_FREEZE_AFTER_MS: "-1",
      }),
    );
  const owned = stack.move();
  return {
    keeper,
    run,
    async start() {
      const gateway = run();
      await gateway.logged("agent is there");
      return gateway;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Clients that send requests without end: on kept connections, seldom on one, and on new ones. */
function startLoad() {
  const outcomes: string[] = [];
  let ended = false;
  let running: Promise<unknown> = Promise.resolve();
  let paused = false;
  const client = async (agent: Agent, pauseMs: number) => {
    while (!ended && !paused) {
      outcomes.push(await get(agent));
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const kept = () => new Agent({ keepAlive: true, maxSockets: 1 });
  const agents = [
    [kept(), 5],
    [kept(), 1000],
    [new Agent(), 5],
    [new Agent(), 5],
  ] as const;
  const resume = () => {
    paused = false;
    running = Promise.all(agents.map(([agent, pauseMs]) => client(agent, pauseMs)));
  };
  resume();
  return {
    outcomes,
    resume,
    async pause() {
      paused = true;
      await running;
    },
    async more(count: number) {
      const enough = outcomes.length + count;
      while (outcomes.length < enough) await new Promise((resolve) => setTimeout(resolve, 10));
    },
    async [Symbol.asyncDispose]() {
      ended = true;
      await running;
      for (const [agent] of agents) agent.destroy();
    },
  };
}

/** @returns the status, or why there is no answer */
async function get(agent: Agent): Promise<string> {
  const path = "/2015-03-31/functions/hello/invocations";
  const sent = request({ host: "127.0.0.1", port, path, method: "POST", agent, signal: AbortSignal.timeout(40_000) });
  try {
    const [response] = await once(sent.end("{}"), "response");
    for await (const _ of response);
    return String(response.statusCode);
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code ?? error);
  }
}
