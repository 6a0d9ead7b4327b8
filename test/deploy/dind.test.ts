import assert from "node:assert/strict";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { importBases } from "../support/docker/bases.ts";
import { type DockerEngine, startEngine } from "../support/docker/engine.ts";
import { privilegedOverride } from "../support/docker/privileged.ts";
import { bringUp, type Stack } from "../support/docker/stack.ts";
import { until } from "../support/process.ts";
import { longestMs, type Outcome, startLoad, tally } from "./load.ts";

interface Greeting {
  readonly message: string;
  readonly worker: { readonly startedAt: string };
  readonly invocations: number;
}

async function greet(stack: Stack): Promise<Greeting> {
  const answer = await stack.invoke();
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text);
}

/** Lines of `ctr tasks ls`: worker, pid, state. */
async function tasks(stack: Stack): Promise<string[][]> {
  const table = await stack.exec("node", "ctr", "-n", "esb", "tasks", "ls");
  return table
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
}

test("D1: docker compose -f deploy/compose.dind.yaml up gives an esb that serves", async (t) => {
  await using engine = await startEngine();
  await importBases(engine);
  await using stack = await bringUp(engine, await privilegedOverride(engine));

  await t.test("D1: the example function answers cold, warm and frozen, through the published port", async () => {
    const cold = await greet(stack);
    assert.equal(cold.invocations, 1);
    const warm = await greet(stack);
    assert.deepEqual([warm.invocations, warm.worker], [2, cold.worker]);
    await until(
      async () =>
        assert.deepEqual(
          (await tasks(stack)).map(([id, , state]) => [id, state]),
          [["hello-0", "PAUSED"]],
        ),
      10_000,
    );
    const thawed = await greet(stack);
    assert.deepEqual([thawed.invocations, thawed.worker], [3, cold.worker]);
  });

  await t.test(
    "G2: Lambda's API is closed to who has no key; the first keys are random and shown on demand",
    async () => {
      const answer = await fetch(`${stack.url}/2015-03-31/functions/hello/invocations`, { method: "POST", body: "{}" });
      assert.equal(answer.status, 403);
      assert.equal((await fetch(`${stack.url}/hello/edge`)).status, 401);
      assert.doesNotMatch(await stack.compose(["logs"]), /ESB_API_KEY=/);
    },
  );

  await t.test("D1: docker ps shows no workers; only the gateway's port is published", async () => {
    const names = (await engine.docker(["ps", "--format", "{{.Names}}"])).trim().split("\n").sort();
    assert.deepEqual(names, ["esb-agent-1", "esb-gateway-1", "esb-node-1", "esb-pod-1"]);
    assert.deepEqual(Object.keys((await stack.facts("pod")).NetworkSettings.Ports), ["8080/tcp"]);
    for (const port of [50051, 8372]) await assert.rejects(fetch(stack.url.replace("8080", String(port))));
  });

  await t.test("D4: the gateway has an ordinary user, no capabilities, no socket and a read-only root", async () => {
    const { State, Config, HostConfig, Mounts } = await stack.facts("gateway");
    assert.equal(Config.User, "1000:1000");
    assert.equal(HostConfig.ReadonlyRootfs, true);
    assert.deepEqual([HostConfig.CapAdd, HostConfig.CapDrop], [null, ["ALL"]]);
    assert.deepEqual(
      Mounts.filter(({ RW }) => RW).map(({ Destination }) => Destination),
      ["/run/esb"],
    );
    const status = await stack.exec("gateway", "cat", "/proc/1/status");
    assert.match(status, /^Uid:\s+1000\s+1000\s+1000\s+1000$/m);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
      assert.match(status, new RegExp(`^${set}:\\s+0+$`, "m"));
    assert.match(status, /^NoNewPrivs:\s+1$/m);
    const sockets = await stack.exec("gateway", "find", "/run", "/var/run", "/tmp", "/secrets", "-type", "s");
    assert.equal(sockets.trim(), "");
    assert.notEqual(State.Pid, 0);
  });

  await t.test("D4: none but the node is privileged, and the agent has the listed capabilities only", async () => {
    for (const service of ["pod", "agent", "gateway"]) {
      const { HostConfig } = await stack.facts(service);
      assert.deepEqual([HostConfig.Privileged, HostConfig.ReadonlyRootfs], [false, true], service);
      assert.deepEqual(HostConfig.CapDrop, ["ALL"], service);
      assert.equal(HostConfig.RestartPolicy.Name, "unless-stopped", service);
    }
    const { CapAdd } = (await stack.facts("agent")).HostConfig;
    const documented = await readFile(new URL("../../docs/deployment.md", import.meta.url), "utf8");
    for (const name of CapAdd ?? []) assert.match(documented, new RegExp(`\`${name.replace("CAP_", "")}\``), name);
  });

  await t.test("D4: agent and gateway speak mutual TLS, and only the one-shot has the authority's key", async () => {
    assert.ok(Date.parse(await certificateEnd(stack)) > Date.now());
    const healthy = ["node", "/usr/local/bin/agent-healthy.mjs"];
    await stack.exec("agent", ...healthy);
    await assert.rejects(stack.exec("agent", "env", "--unset=ESB_AGENT_TLS_CERT", ...healthy));
    for (const service of ["pod", "node", "agent", "gateway"]) {
      const places = (await stack.facts(service)).Mounts.map(({ Destination }) => Destination);
      assert.ok(!places.includes("/certificates/authority"), service);
    }
  });

  for (const service of ["agent", "gateway", "node"]) {
    await t.test(`D1: workers are reached after a restart of the ${service} alone`, async () => {
      const before = await greet(stack);
      await stack.compose(["restart", "--no-deps", service]);
      const after = await greetAgain(stack);
      if (service === "node") assert.notEqual(after.worker.startedAt, before.worker.startedAt);
      else assert.equal(after.worker.startedAt, before.worker.startedAt, "the worker went cold");
    });
  }

  await t.test("D1: the agent is killed under load: no request fails, the worker stays warm", async () => {
    const before = await warmWorkers(stack);
    const outcomes = await underLoad(stack, async () => killed(engine, stack, "agent"));
    assert.deepEqual(tally(outcomes), { 200: outcomes.length });
    await assertStillThere(stack, before);
  });

  await t.test("D1: containerd is killed under load: no request fails, the worker stays warm", async () => {
    const before = await warmWorkers(stack);
    const outcomes = await underLoad(stack, async () => {
      await stack.exec("node", "sh", "-c", "kill -KILL $(grep -lz ^containerd$ /proc/[0-9]*/cmdline | cut -d/ -f3)");
      await until(
        async () => assert.match(await stack.compose(["logs", "node"]), /containerd ended with status 137/),
        10_000,
      );
      await until(() => stack.exec("node", "ctr", "version"), 30_000);
    });
    assert.deepEqual(tally(outcomes), { 200: outcomes.length });
    await assertStillThere(stack, before);
  });

  for (const service of ["gateway", "node"]) {
    await t.test(`D1: the ${service} is killed under load: it is restarted, and serves again`, async () => {
      await greet(stack);
      const outcomes = await underLoad(stack, async () => {
        await killed(engine, stack, service);
        await greetAgain(stack);
      });
      assert.equal(outcomes.at(-1)?.status, 200, JSON.stringify(tally(outcomes)));
      const networks = await stack.exec("pod", "ip", "netns", "list");
      await until(async () => assert.ok((await tasks(stack)).length <= networks.trim().split("\n").length), 10_000);
      tell(`the ${service} was killed`, outcomes);
    });
  }

  await t.test("D4: a new authority takes over under load: no request fails", async () => {
    const before = await certificateEnd(stack);
    const outcomes = await underLoad(stack, async () => {
      await stack.compose(["run", "--rm", "--no-TTY", "certificates", "--rotate", "/certificates"]);
      await until(async () => assert.notEqual(await certificateEnd(stack), before), 30_000);
    });
    assert.deepEqual(tally(outcomes), { 200: outcomes.length });
  });

  await t.test("D1: an upgrade of the agent under load: no request fails, the worker stays warm", async () => {
    await labelled(engine, "next");
    const before = await warmWorkers(stack);
    const nodeBefore = (await stack.facts("node")).Id;
    const outcomes = await underLoad(stack, () =>
      stack.compose(["up", "--detach", "--no-build", "--no-deps", "agent"], next),
    );
    assert.deepEqual(tally(outcomes), { 200: outcomes.length });
    await assertStillThere(stack, before);
    assert.equal((await stack.facts("node")).Id, nodeBefore);
  });

  await t.test("D1: an upgrade of agent and gateway under load: no request fails, workers stay warm", async () => {
    const before = await warmWorkers(stack);
    const [node, gateway] = [await stack.facts("node"), await stack.facts("gateway")];
    const outcomes = await underLoad(stack, async () => {
      await stack.compose(["up", "--detach", "--no-build"], next);
      await greetAgain(stack);
    });
    tell("agent and gateway were replaced", outcomes);
    assert.deepEqual(tally(outcomes), { 200: outcomes.length });
    await assertStillThere(stack, before);
    assert.equal((await stack.facts("node")).Id, node.Id);
    assert.notEqual((await stack.facts("gateway")).Image, gateway.Image);
  });

  await t.test("D1: functions.yml is read again when it is replaced on the host", async () => {
    const path = join(stack.config, "functions.yml");
    const text = await readFile(path, "utf8");
    await writeFile(`${path}.new`, text.replace("GREETING: hello", "GREETING: good day"));
    await rename(`${path}.new`, path);
    await until(async () => assert.equal((await greet(stack)).message, "good day, edge"), 30_000);
  });

  await t.test("D1: taken down, it leaves no container, volume or network", async () => {
    await stack.compose(["down", "--volumes"], next);
    assert.equal(await engine.docker(["ps", "--all", "--quiet"]), "");
    assert.equal(await engine.docker(["volume", "ls", "--quiet"]), "");
    assert.equal((await engine.docker(["network", "ls", "--quiet", "--filter", "type=custom"])).trim(), "");
  });
});

/** Which workers there are, by their processes. */
async function warmWorkers(stack: Stack): Promise<string[]> {
  await greet(stack);
  return (await tasks(stack)).map(([id, pid]) => `${id} ${pid}`).sort();
}

/** There may be more of them by now. */
async function assertStillThere(stack: Stack, before: readonly string[]): Promise<void> {
  const now = await warmWorkers(stack);
  assert.deepEqual(
    before.filter((worker) => !now.includes(worker)),
    [],
    `these went cold; there are ${now.join(", ")}`,
  );
}

/** Until when the gateway's certificate is valid; as text, empty without one. */
async function certificateEnd(stack: Stack): Promise<string> {
  const ready = (await (await fetch(`${stack.url}/ready`)).json()) as { agentTls?: { validTo: string } };
  return ready.agentTls?.validTo ?? "";
}

/** What clients saw, where some requests have to fail. */
function tell(when: string, outcomes: readonly Outcome[]): void {
  process.stdout.write(
    `${when}, requests by status: ${JSON.stringify(tally(outcomes))}, the longest took ${longestMs(outcomes)} ms\n`,
  );
}

/** Settings of an upgrade. */
const next = { ESB_VERSION: "next" };

/** Images that differ from the ones that run. */
async function labelled(engine: DockerEngine, tag: string): Promise<void> {
  const root = join(import.meta.dirname, "../..");
  for (const target of ["agent", "gateway", "example"]) {
    const from = ["--file", join(root, "deploy/docker/esb.Dockerfile"), "--target", target];
    await engine.docker(["build", ...from, "--label", `test=${tag}`, "--tag", `esb/${target}:${tag}`, root]);
  }
}

async function greetAgain(stack: Stack): Promise<Greeting> {
  let greeting: Greeting | undefined;
  await until(async () => {
    greeting = await greet(stack);
  }, 60_000);
  if (greeting === undefined) throw new Error("no greeting");
  return greeting;
}

/** Kills a service's first process, as a crash would, and waits until Docker has started it anew. */
async function killed(engine: DockerEngine, stack: Stack, service: string): Promise<void> {
  const { State } = await stack.facts(service);
  await engine.kill(State.Pid, "SIGKILL");
  await until(async () => {
    const now = (await stack.facts(service)).State;
    assert.deepEqual([now.Status, now.StartedAt === State.StartedAt], ["running", false]);
  }, 30_000);
}

async function underLoad(stack: Stack, work: () => Promise<unknown>): Promise<readonly Outcome[]> {
  await using load = startLoad(stack);
  await work();
  const seen = load.outcomes.length;
  await until(async () => assert.ok(load.outcomes.length > seen + 20), 60_000);
  return load.outcomes.slice();
}
