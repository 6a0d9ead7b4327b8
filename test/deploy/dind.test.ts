import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { importBases } from "../support/docker/bases.ts";
import { startEngine } from "../support/docker/engine.ts";
import { privilegedOverride } from "../support/docker/privileged.ts";
import { bringUp, type Stack } from "../support/docker/stack.ts";
import { until } from "../support/process.ts";

interface Greeting {
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

  for (const service of ["agent", "gateway", "node"]) {
    await t.test(`D1: workers are reached after a restart of the ${service} alone`, async () => {
      const before = await greet(stack);
      await stack.compose(["restart", "--no-deps", service]);
      let after: Greeting | undefined;
      await until(async () => (after = await greet(stack)), 60_000);
      if (service === "node") assert.notEqual(after?.worker.startedAt, before.worker.startedAt);
      else assert.equal(after?.worker.startedAt, before.worker.startedAt, "the worker went cold");
    });
  }
});
