import assert from "node:assert/strict";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { importBases } from "../support/docker/bases.ts";
import { startEngine } from "../support/docker/engine.ts";
import { privilegedOverride } from "../support/docker/privileged.ts";
import { bringUp } from "../support/docker/stack.ts";
import { patienceMs, until } from "../support/process.ts";
import { tally } from "./load.ts";
import {
  assertNothingBesideTasks,
  assertStillThere,
  certificateEnd,
  greet,
  greetAgain,
  killed,
  labelled,
  next,
  root,
  tasks,
  tell,
  thawed,
  underLoad,
  untilFrozen,
  warmWorkers,
} from "./scene.ts";

test("D1: docker compose -f deploy/compose.dind.yaml up gives an esb that serves", async (t) => {
  await using engine = await startEngine();
  await importBases(engine);
  await using stack = await bringUp(engine, await privilegedOverride(engine));
  process.stdout.write(
    await engine.docker(["images", "--format", "{{.Repository}}:{{.Tag}} has {{.Size}}", "esb/*:latest"]),
  );

  await t.test("D1: the example function answers cold, warm and frozen, through the published port", async () => {
    const cold = await greet(stack);
    assert.equal(cold.invocations, 1);
    const warm = await greet(stack);
    assert.deepEqual([warm.invocations, warm.worker], [2, cold.worker]);
    await untilFrozen(stack);
    assert.deepEqual(
      (await tasks(stack)).map(([id]) => id),
      ["hello-0"],
    );
    const states =
      "cd /run/containerd/cgroup && cat freezer/esb/hello-0/freezer.state || cat esb/hello-0/cgroup.events";
    assert.match(await stack.exec("agent", "sh", "-c", states), /^(FROZEN|frozen 1)$/m, "the kernel's word");
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
    assert.deepEqual(names, ["esb-agent-1", "esb-gateway-1", "esb-node-1", "esb-pod-1", "esb-runtime-api-1"]);
    assert.deepEqual(Object.keys((await stack.facts("pod")).NetworkSettings.Ports), ["8080/tcp"]);
    for (const port of [50051, 8372]) await assert.rejects(fetch(stack.url.replace("8080", String(port))));
  });

  await t.test("D1: every service is healthy by a check of its own", async () => {
    for (const service of ["pod", "node", "agent", "runtime-api", "gateway"]) {
      const isHealthy = async () => assert.equal((await stack.facts(service)).State.Health?.Status, "healthy", service);
      await until(isHealthy, patienceMs);
    }
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
    for (const service of ["pod", "agent", "runtime-api", "gateway"]) {
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
    for (const service of ["pod", "node", "agent", "runtime-api", "gateway"]) {
      const places = (await stack.facts(service)).Mounts.map(({ Destination }) => Destination);
      assert.ok(!places.includes("/certificates/authority"), service);
    }
  });

  for (const service of ["agent", "gateway", "node"]) {
    await t.test(`D1: workers are reached after a restart of the ${service} alone, under load`, async () => {
      const before = await warmWorkers(stack);
      const outcomes = await underLoad(stack, async () => {
        await stack.compose(["restart", "--no-deps", service]);
        await greetAgain(stack);
      });
      tell(`the ${service} was restarted`, outcomes);
      if (service === "node") {
        assert.equal(outcomes.at(-1)?.status, 200);
        return;
      }
      assert.deepEqual(tally(outcomes), { 200: outcomes.length });
      await assertStillThere(stack, before);
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
        patienceMs,
      );
      await until(() => stack.exec("node", "ctr", "version"), patienceMs);
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
      await until(async () => assert.ok((await tasks(stack)).length <= networks.trim().split("\n").length), patienceMs);
      tell(`the ${service} was killed`, outcomes);
    });
  }

  await t.test("D4: a new authority takes over under load: no request fails", async () => {
    const before = await certificateEnd(stack);
    const outcomes = await underLoad(stack, async () => {
      await stack.compose(["run", "--rm", "--no-TTY", "certificates", "--rotate", "/certificates"]);
      await until(async () => assert.notEqual(await certificateEnd(stack), before), patienceMs);
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
    await until(async () => assert.equal((await greet(stack)).message, "good day, edge"), patienceMs);
  });

  await t.test(
    "D1: a new node image: a clean restart of the node alone, and nothing is left of its workers",
    async () => {
      const [before, pod] = [await warmWorkers(stack), await stack.facts("pod")];
      const from = ["--file", join(root, "deploy/docker/node.Dockerfile"), "--target", "node"];
      await engine.docker(["build", ...from, "--label", "test=next", "--tag", "esb/node:latest", root]);
      const image = (await stack.facts("node")).Image;
      await stack.compose(["up", "--detach", "--no-build"], next);
      await greetAgain(stack);
      assert.notEqual((await stack.facts("node")).Image, image);
      assert.equal((await stack.facts("pod")).Id, pod.Id);
      const now = await tasks(stack);
      assert.deepEqual(
        before.filter((worker) => now.some(([id, pid]) => worker === `${id} ${pid}`)),
        [],
      );
      for (const [, pid] of before.map((worker) => worker.split(" "))) {
        await assert.rejects(stack.exec("node", "test", "-e", `/proc/${pid}`), `process ${pid} lives`);
      }
      await assertNothingBesideTasks(stack);
    },
  );

  await t.test("D1: SIGTERM ends each within its grace time; up brings all back", async () => {
    await stack.compose(["stop"], next);
    for (const service of ["gateway", "agent", "runtime-api", "node", "pod"]) {
      const { Status, ExitCode } = (await stack.facts(service)).State;
      assert.deepEqual([service, Status, ExitCode], [service, "exited", 0]);
    }
    await stack.compose(["up", "--detach", "--no-build"], next);
    await greetAgain(stack);
    await assertNothingBesideTasks(stack);
  });

  for (const [what, how, fail] of [
    // What still runs is in the network of a pod that is no more.
    [
      "the pod is killed",
      ["--force-recreate"],
      async () => {
        const [pod, node] = [await stack.facts("pod"), await stack.facts("node")];
        await untilFrozen(stack);
        await engine.kill(pod.State.Pid, "SIGKILL");
        await thawed(engine, node.Id);
      },
    ],
    ["the machine loses its power", [], () => engine.reboot()],
  ] as const) {
    await t.test(`D1: ${what}: up brings all back, whatever has come by itself`, async () => {
      const before = await greet(stack);
      await fail();
      await delay(5000);
      process.stdout.write(await stack.compose(["ps", "--all", "--format", "{{.Service}}: {{.Status}}"], next));
      await stack.compose(["up", "--detach", "--no-build", ...how], next);
      const after = await greetAgain(stack);
      assert.notEqual(after.worker.startedAt, before.worker.startedAt);
      await assertNothingBesideTasks(stack);
    });
  }

  await t.test("D1: taken down, it leaves no container, volume or network", async () => {
    const miscounted = await stack.down(next);
    assert.equal(await engine.docker(["ps", "--all", "--quiet"]), "");
    assert.equal((await engine.docker(["volume", "ls", "--quiet"])).trim(), miscounted.join());
    assert.equal((await engine.docker(["network", "ls", "--quiet", "--filter", "type=custom"])).trim(), "");
  });
});
