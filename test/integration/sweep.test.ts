import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { promisify } from "node:util";
import { StartKind, WorkerState } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, ensureRequest, failureOf } from "../support/calls.ts";
import { needs } from "../support/controllers.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { staticServerArchive } from "../support/images.ts";
import { containerdOf, leftoverCounts, makeForeign, makeLeftovers } from "../support/leftovers.ts";
import { killProcess } from "../support/process.ts";
import { assertTraces, tracesOf } from "../support/traces.ts";

const run = promisify(execFile);

interface Sweep {
  readonly adopted: number;
  readonly removed: { readonly workers: number; readonly attachments: number; readonly leases: number };
  readonly failed: number;
}

/** What the agent has logged of its sweeps. */
async function sweepsOf(esb: TestEsb): Promise<Sweep[]> {
  const lines = (await esb.agent.log()).split("\n").filter((line) => line.includes('"msg":"swept"'));
  return lines.map((line) => {
    const { adopted, removed, failed } = JSON.parse(line);
    return { adopted, removed, failed };
  });
}

/** Workers whose remains the agent says it has removed, with where it found them. */
async function removalsOf(esb: TestEsb): Promise<[string, string][]> {
  const lines = (await esb.agent.log())
    .split("\n")
    .filter((line) => line.includes("removed what was left of a worker"));
  const told = lines.map((line) => JSON.parse(line));
  return told.map(({ worker, found }): [string, string] => [worker, found.join()]).sort();
}

function rows(esb: TestEsb): Record<string, [string, string | null]> {
  using database = new DatabaseSync(join(esb.settings.ESB_STATE_DIR ?? "", "esb.db"), { readOnly: true });
  const found = database.prepare("SELECT worker_id, state, container_id FROM workers").all();
  return Object.fromEntries(found.map((row) => [row.worker_id, [row.state, row.container_id]]));
}

function change(esb: TestEsb, sql: string): void {
  using database = new DatabaseSync(join(esb.settings.ESB_STATE_DIR ?? "", "esb.db"));
  database.exec(sql);
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

/** `ctr run` asks for a share of CPU time. */
const ctrCanRun = needs("cpu");

test(
  "S3: at the start every kind of leftover goes, what can serve is adopted, and nothing foreign is touched",
  ctrCanRun,
  async () => {
    await using esb = await startEsb({
      archives: [await staticServerArchive()],
      settings: { ESB_NETWORK_POOL: "0", ESB_SWEEP_INTERVAL_SECONDS: "3600" },
    });
    const { running, frozen, rowless } = await made(esb, "running", "frozen", "rowless");
    await esb.workers.pause({ workerId: "frozen-0" });
    await using foreign = await makeForeign(esb);
    const expected = await tracesOf(esb);

    const { stopped, lost } = await made(esb, "stopped", "halved", "lost", "vanished", "orphaned");
    // Rows are written behind the calls.
    await until(
      async () => assert.equal(Object.keys(rows(esb)).length, 8),
      patienceMs,
      async (error) => `not every worker has a row: ${error}`,
    );
    await esb.agent.stop("SIGKILL");
    const orphan = await makeLeftovers(esb);
    await killProcess(stopped?.pid ?? 0);
    for (const id of ["halved-0", "vanished-0"]) await esb.ctr("tasks", "rm", "-f", id);
    await esb.ctr("containers", "rm", "vanished-0");
    await run("ip", ["netns", "delete", await namespaceOf(esb, "lost-0")]);
    using client = containerdOf(esb);
    await client.containers.delete({ id: "orphaned-0" });
    for (const [id, hours] of [
      ["esb-pull-fresh", 1],
      ["esb-pull-expired", -1],
    ] as const) {
      const expire = new Date(Date.now() + hours * 3_600_000).toISOString();
      await client.leases.create({ id, labels: { "esb.io/lease": "pull", "containerd.io/gc.expire": expire } });
    }
    change(esb, "DELETE FROM workers WHERE worker_id = 'rowless-0'");
    change(
      esb,
      `INSERT INTO workers SELECT 'foreign-0', 'foreign-0', instance_id, function, slot, owner, state, reason,
    network, last_access_ms, changed_at_ms FROM workers WHERE worker_id = 'running-0'`,
    );

    await esb.agent.start();
    await esb.agentReady();
    await assertTraces(esb, expected);
    await foreign.assertThere();
    assert.ok(!isAlive(orphan.pid), "the process in a group without a container was ended");
    assert.equal(await esb.taskState("foreign-0"), "RUNNING");
    assert.ok((await readdir("/run/netns")).every((name) => !name.includes("0badcafe")));

    const { workers } = await esb.workers.list({});
    assert.deepEqual(
      workers.map(({ id, pid, state }) => [id, pid, state]),
      [
        ["frozen-0", frozen?.pid, WorkerState.PAUSED],
        ["rowless-0", rowless?.pid, WorkerState.RUNNING],
        ["running-0", running?.pid, WorkerState.RUNNING],
      ],
    );
    for (const worker of [running, rowless]) assert.deepEqual(await ask(worker, ""), { ok: true });
    const [, second] = await sweepsOf(esb);
    // Beside what was made by hand: stopped, halved, lost, vanished and orphaned; the network of the last two as well.
    const removed = { workers: leftoverCounts.workers + 5, attachments: leftoverCounts.attachments + 2 };
    // containerd may have been faster with the lease that has expired.
    const leases = Number(second?.removed.leases);
    assert.ok(leases === 1 || leases === 2, `${leases} leases`);
    assert.deepEqual(second, { adopted: 4, removed: { ...removed, leases }, failed: 0 });
    await until(
      async () => {
        const found = rows(esb);
        assert.deepEqual(found["rowless-0"], ["ACTIVE", "rowless-0"]);
        assert.deepEqual(found["frozen-0"], ["IDLE", "frozen-0"]);
        const over = ["stopped-0", "halved-0", "lost-0", "vanished-0", "orphaned-0", "foreign-0"];
        for (const id of over) assert.deepEqual(found[id], ["ERROR", null], id);
      },
      patienceMs,
      async (error) => `the rows are not right: ${error}`,
    );
    assert.ok(lost);

    // Somebody else's container is named, and not destroyed; only a worker that is to be made takes its place (W6).
    const kept = await failureOf((options) => esb.workers.destroy({ workerId: "foreign-0" }, options));
    assert.deepEqual([kept.status, kept.code], ["ABORTED", "WORKER_CONFLICT"]);
    assert.match(kept.message, /the container foreign-0 was not made by esb/);
    assert.equal(await esb.taskState("foreign-0"), "RUNNING");
    const { startKind } = await esb.workers.ensure(ensureRequest("foreign"));
    assert.equal(startKind, StartKind.COLD);
  },
);

test(
  "S3: leftovers that come while the agent runs are swept at the next interval, beside Ensures that go on",
  ctrCanRun,
  async () => {
    await using esb = await startEsb({
      archives: [await staticServerArchive()],
      settings: { ESB_NETWORK_POOL: "2", ESB_SWEEP_INTERVAL_SECONDS: "1" },
    });
    const { running } = await made(esb, "running");
    await using foreign = await makeForeign(esb);
    const sweepsBefore = (await sweepsOf(esb)).length;

    const over = new AbortController();
    const busy = [0, 1, 2].map(async (slot) => {
      let rounds = 0;
      while (!over.signal.aborted) {
        const { worker, startKind } = await esb.workers.ensure({ ...ensureRequest("busy"), slot });
        assert.equal(startKind, StartKind.COLD);
        assert.deepEqual(await ask(worker, ""), { ok: true });
        assert.equal((await esb.workers.destroy({ workerId: `busy-${slot}` })).existed, true);
        rounds += 1;
      }
      return rounds;
    });
    const orphan = await makeLeftovers(esb);
    await run("iptables", ["-F", await chainOf(esb)]);
    const names = ["broken-0", "layer-0", "silent-0", "group-0", "0badcafe", "0badbee1", `v${esb.network}`];
    await until(
      async () => {
        const left = (await tracesOf(esb)).filter((trace) => names.some((name) => trace.includes(name)));
        assert.deepEqual(left, []);
        assert.ok(!isAlive(orphan.pid));
      },
      patienceMs,
      async (error) => `not all is swept: ${error}`,
    ).finally(() => over.abort());
    for (const rounds of await Promise.all(busy)) assert.ok(rounds > 0);
    await foreign.assertThere();
    const { stdout } = await run("iptables-save");
    assert.ok(stdout.includes(`-A ${await chainOf(esb)}`), "the firewall's rules are back");

    const sweeps = (await sweepsOf(esb)).slice(sweepsBefore);
    assert.deepEqual(await removalsOf(esb), [
      ["broken-0", "container"],
      ["group-0", "cgroup"],
      ["layer-0", "snapshot"],
      ["silent-0", "log"],
    ]);
    const attachments = sweeps.map((one) => one.removed.attachments);
    assert.equal(
      attachments.reduce((sum, count) => sum + count, 0),
      leftoverCounts.attachments,
    );
    assert.ok(sweeps.every((one) => one.adopted === 0 && one.failed === 0));
    assert.deepEqual(await ask(running, ""), { ok: true });
    const warm = await esb.workers.ensure(ensureRequest("running"));
    assert.deepEqual([warm.startKind, warm.worker?.pid], [StartKind.WARM, running?.pid]);
  },
);

async function made<const N extends string>(esb: TestEsb, ...names: N[]) {
  const entries = names.map(async (name) => [name, (await esb.workers.ensure(ensureRequest(name))).worker] as const);
  type Made = Awaited<(typeof entries)[number]>[1];
  return Object.fromEntries(await Promise.all(entries)) as Record<string, Made>;
}

async function namespaceOf(esb: TestEsb, id: string): Promise<string> {
  const { Labels: labels } = JSON.parse(await esb.ctr("containers", "info", id));
  return labels["esb.network"];
}

/** One of our chains that has rules. */
async function chainOf(esb: TestEsb): Promise<string> {
  const { stdout } = await run("iptables-save", ["-t", "filter"]);
  const ours = stdout.split("\n").map((line) => /^:(\S+) - /.exec(line)?.[1] ?? "");
  const chain = ours.find((name) => name.toLowerCase().includes(esb.network));
  assert.ok(chain, stdout);
  return chain;
}
