import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { workerId } from "../../agent/workers/identity.ts";
import { assertSameWorker, ensureRequest } from "../support/calls.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { staticServerArchive, staticServerImage } from "../support/images.ts";

const run = promisify(execFile);
/** Not the gateway's, which lets go what it does not know. */
const owner = "store";
const request = (name: string) => ({ ...ensureRequest(name), owner });
const idOf = (name: string) => workerId(name, 0, owner);
const functions = ["damaged", "locked", "readonly", "full"].map(
  (name) => `  ${name}: { image: "${staticServerImage}" }`,
);

let esb: TestEsb;
let path: string;
before(async () => {
  esb = await startEsb({
    archives: [await staticServerArchive()],
    functions: `functions:\n${functions.join("\n")}\n`,
    settings: { ESB_FREEZE_AFTER_MS: "1500" },
  });
  path = join(esb.settings.ESB_STATE_DIR ?? "", "esb.db");
});
after(() => esb?.[Symbol.asyncDispose]());

type Row = Record<string, unknown>;

/** A worker's row as another process sees it; undefined when there is none. */
function rowOf(id: string): Row | undefined {
  using database = new DatabaseSync(path, { timeout: 1000 });
  return database.prepare("SELECT * FROM workers WHERE worker_id = ?").get(id);
}

async function untilRow(id: string, expected: Row | undefined): Promise<void> {
  await until(
    async () => {
      const row = rowOf(id);
      const seen = expected && row && Object.fromEntries(Object.keys(expected).map((key) => [key, row[key]]));
      assert.deepEqual(seen ?? row, expected);
    },
    patienceMs,
    async (error) => `${error}: ${await esb.agent.log()}`,
  );
}

async function restartAgent(meanwhile: () => Promise<unknown>): Promise<void> {
  await esb.agent.stop("SIGKILL");
  await meanwhile();
  await esb.agent.start();
  await esb.agentReady();
  const ready = async () => assert.equal((await fetch(`${esb.url}/ready`)).status, 200);
  await until(ready, patienceMs);
}

/** As somebody who wants to be rid of the database. */
async function removeFiles(): Promise<void> {
  for (const file of [path, `${path}-wal`, `${path}-shm`]) await rm(file, { force: true });
}

async function untilLogged(words: string): Promise<void> {
  await until(async () => assert.ok((await esb.agent.log()).includes(words), words), patienceMs);
}

/** A cold, a warm and a thawed invocation. */
async function invocationsGoOn(name: string): Promise<void> {
  const starts: (string | null)[] = [];
  for (const freezes of [false, true, false]) {
    const response = await esb.invoke(name);
    assert.equal(response.status, 200, await response.text());
    starts.push(response.headers.get("x-esb-start"));
    if (freezes) await esb.waitForTask(`${name}-0`, "PAUSED");
  }
  assert.deepEqual(starts, ["cold", "warm", "thawed"]);
}

test("S2: the container's id is saved once it runs, its state follows, and Destroy clears it", async () => {
  const { worker } = await esb.workers.ensure(request("kept"));
  const workerId = idOf("kept");
  const known = { container_id: workerId, instance_id: worker?.instanceId, owner, function: "kept", slot: 0 };
  await untilRow(workerId, { ...known, state: "ACTIVE", last_access_ms: Number(worker?.lastAccessMs), reason: null });
  assert.match(String(rowOf(workerId)?.network), new RegExp(`^${esb.network}-`));
  const paused = await esb.workers.pause({ workerId });
  await untilRow(workerId, { ...known, state: "IDLE", last_access_ms: Number(paused.worker?.lastAccessMs) });
  await esb.workers.resume({ workerId });
  await untilRow(workerId, { ...known, state: "ACTIVE" });
  await esb.workers.destroy({ workerId, graceMs: 0 });
  await untilRow(workerId, undefined);
});

test("S2: a worker that ended of itself is in ERROR, with the reason and without container", async () => {
  const { worker } = await esb.workers.ensure(request("ended"));
  process.kill(worker?.pid ?? 0, "SIGKILL");
  await untilRow(idOf("ended"), { state: "ERROR", container_id: null, reason: "exited with status 137" });
  await esb.workers.ensure(request("ended"));
  await untilRow(idOf("ended"), { state: "ACTIVE", container_id: idOf("ended"), reason: null });
  await esb.workers.destroy({ workerId: idOf("ended"), graceMs: 0 });
});

test("S1, S3: a restart restores last access, and marks what went meanwhile", async () => {
  const names = ["stays", "goes"];
  for (const name of names) await esb.workers.ensure(request(name));
  const before = (await esb.workers.list({ owner })).workers;
  for (const name of names) await untilRow(idOf(name), { state: "ACTIVE" });
  await restartAgent(async () => {
    await esb.ctr("tasks", "rm", "-f", idOf("goes"));
    await esb.ctr("containers", "rm", idOf("goes"));
  });
  const { workers } = await esb.workers.list({ owner });
  assert.deepEqual(
    workers,
    before.filter(({ id }) => id === idOf("stays")),
  );
  await untilRow(idOf("goes"), { state: "ERROR", container_id: null });
});

test("S1, S2: without its database the agent takes all workers back, last used now", async () => {
  const restartedMs = Date.now();
  const [before] = (await esb.workers.list({ owner })).workers;
  await restartAgent(removeFiles);
  const [worker] = (await esb.workers.list({ owner })).workers;
  assertSameWorker(worker, before);
  assert.ok(Number(worker?.lastAccessMs) >= restartedMs);
  await untilRow(idOf("stays"), { state: "ACTIVE", last_access_ms: Number(worker?.lastAccessMs) });
});

test("S2: a damaged database is put aside and rebuilt from containerd, and invocations go on", async () => {
  await restartAgent(async () => {
    await removeFiles();
    await writeFile(path, "no database at all ".repeat(1000));
  });
  await untilLogged("the workers' database is damaged: it is put aside, and a new one begun from what containerd has");
  await invocationsGoOn("damaged");
  for (const id of [idOf("stays"), "damaged-0"]) await untilRow(id, { state: "ACTIVE" });
  const aside = (await readdir(join(path, ".."))).filter((name) => name.startsWith("esb.db.corrupt-"));
  assert.equal(aside.length, 1);
});

test("S2: while somebody locks the database invocations go on, and what happened is written afterwards", async () => {
  {
    using other = new DatabaseSync(path, { timeout: 1000 });
    other.exec("BEGIN EXCLUSIVE");
    await invocationsGoOn("locked");
    await untilLogged('"trouble":"locked"');
    assert.equal(rowOf("locked-0"), undefined);
  }
  await untilRow("locked-0", { container_id: "locked-0" });
  await untilLogged("the workers' database works again");
});

const disks: Record<string, { spoil: (disk: string) => Promise<unknown>; mend: (disk: string) => Promise<unknown> }> = {
  readonly: {
    spoil: (disk) => run("mount", ["-o", "remount,ro", disk]),
    mend: (disk) => run("mount", ["-o", "remount,rw", disk]),
  },
  full: {
    spoil: (disk) => run("dd", ["if=/dev/zero", `of=${disk}/filler`, "bs=4k"]).catch(() => undefined),
    mend: (disk) => rm(join(disk, "filler")),
  },
};
for (const [name, { spoil, mend }] of Object.entries(disks)) {
  test(`S2: with the database on a ${name} disk invocations go on, and what happened is written afterwards`, async () => {
    const disk = join(esb.containerd.dir, name);
    await mkdir(disk);
    await run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
    await using stack = new AsyncDisposableStack();
    stack.defer(() => run("umount", ["--lazy", disk]).then(() => undefined));
    await restartAgent(async () => {
      {
        using database = new DatabaseSync(join(disk, "esb.db"));
        database.exec("PRAGMA journal_mode = WAL");
      }
      await removeFiles();
      await symlink(join(disk, "esb.db"), path);
      await spoil(disk);
    });
    await invocationsGoOn(name);
    await untilLogged(`"trouble":"${name === "full" ? "full" : "read-only"}"`);
    await mend(disk);
    await untilRow(`${name}-0`, { container_id: `${name}-0` });
    await untilRow(idOf("stays"), { state: "ACTIVE" });
  });
}
