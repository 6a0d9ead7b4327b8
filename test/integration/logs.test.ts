import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { ClientError, Status } from "nice-grpc";
import { ask, ensureRequest, probeRequest } from "../support/calls.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { probeArchive, staticServerArchive } from "../support/images.ts";
import { followLog, readLog, shown, textOf } from "../support/logs.ts";
import { killProcess, patienceMs, until } from "../support/process.ts";
import { assertNoTraces } from "../support/traces.ts";
import { removalOf, watch } from "../support/watcher.ts";

const run = promisify(execFile);
const fileKib = 64;
const files = 2;

let esb: TestEsb;
before(async () => {
  esb = await startEsb({
    archives: [await staticServerArchive(), await probeArchive()],
    settings: { ESB_NETWORK_POOL: "0", ESB_WORKER_LOG_KIB: String(fileKib), ESB_WORKER_LOG_FILES: String(files) },
  });
});
after(() => esb?.[Symbol.asyncDispose]());

const logFolder = () => join(esb.settings.ESB_STATE_DIR ?? "", "workers");

/** The process that keeps a worker's log. */
async function driverPid(id: string): Promise<number> {
  const { stdout } = await run("pgrep", ["-f", `^/usr/bin/perl ${esb.settings.ESB_STATE_DIR}/logger.pl .*/${id}\\.`]);
  return Number(stdout);
}

async function logBytes(): Promise<number> {
  const sizes = (await readdir(logFolder())).map((name) => stat(join(logFolder(), name)).catch(() => ({ size: 0 })));
  return (await Promise.all(sizes)).reduce((sum, { size }) => sum + size, 0);
}

async function memoryKib(pid: number | undefined): Promise<number> {
  const { stdout } = await run("ps", ["-o", "rss=", "-p", String(pid)]);
  return Number(stdout);
}

test("W9: Logs tells what a worker prints with its stream and its time, and ends when the worker goes", async () => {
  const { worker } = await esb.workers.ensure(probeRequest("printer"));
  const workerId = worker?.id ?? "";
  await using follower = followLog(esb, { workerId, instanceId: worker?.instanceId ?? "" });
  const begun = BigInt(Date.now()) * 1_000_000n;
  await ask(worker, "print", { stdout: "one\ntwo\n" });
  await follower.told("two");
  await ask(worker, "print", { stderr: "trouble\n" });
  const { timeNs } = await follower.told("trouble");
  assert.ok(timeNs >= begun && timeNs <= BigInt(Date.now()) * 1_000_000n);
  assert.deepEqual(follower.lines.map(shown), ["stdout: one", "stdout: two", "stderr: trouble"]);
  assert.deepEqual((await readLog(esb, { workerId, tailLines: 2 })).map(shown), ["stdout: two", "stderr: trouble"]);
  assert.deepEqual((await readLog(esb, { workerId, sinceNs: timeNs })).map(shown), ["stderr: trouble"]);

  // What is in the pipes when the worker ends is kept, too.
  await ask(worker, "print", { stdout: "no end" });
  await esb.workers.destroy({ workerId });
  await follower.ended();
  assert.equal(follower.ending, null);
  await assertNoTraces(esb);
});

test("W9: nothing that is printed while agent or containerd is away is lost, nor told twice", async () => {
  const { worker } = await esb.workers.ensure(probeRequest("steady"));
  const workerId = worker?.id ?? "";
  const told: string[] = [];
  let sinceNs = 0n;
  const followUntil = async (text: string) => {
    await using follower = followLog(esb, { workerId, sinceNs });
    const last = await follower.told(text);
    told.push(...follower.lines.map(textOf));
    sinceNs = last.timeNs + 1n;
  };
  await using cut = followLog(esb, { workerId });
  await ask(worker, "print", { stdout: "before\n" });
  await cut.told("before");
  await followUntil("before");

  await esb.agent.stop("SIGKILL");
  await cut.ended();
  assert.ok(cut.ending instanceof ClientError && cut.ending.code !== Status.OK);
  for (const count of [1, 2, 3]) await ask(worker, "print", { stdout: `away ${count}\n` });
  await esb.agent.start();
  await esb.agentReady();
  await followUntil("away 3");

  await esb.containerd.kill();
  await ask(worker, "print", { stdout: "no containerd\n" });
  // The agent knows the worker, and its log is on disk.
  await followUntil("no containerd");
  await esb.containerd.start();
  await esb.agentReady();
  await ask(worker, "print", { stdout: "after\n" });
  await followUntil("after");
  assert.deepEqual(told, ["before", "away 1", "away 2", "away 3", "no containerd", "after"]);
  await esb.workers.destroy({ workerId });
  await assertNoTraces(esb);
});

test("W9: a worker that prints without end fills neither disk nor memory, goes on serving, and disturbs nobody", async () => {
  const { worker } = await esb.workers.ensure(probeRequest("flooder", { memoryMib: 1769 }));
  const workerId = worker?.id ?? "";
  const driver = await driverPid(workerId);
  const agentBeforeKib = await memoryKib(esb.agent.pid);
  // One that reads as fast as it can, and one that never reads.
  await using follower = followLog(esb, { workerId });
  const idle = esb.workers.logs({ workerId, follow: true })[Symbol.asyncIterator]();
  await ask(worker, "flood");
  await idle.next();
  const end = performance.now() + 5000;
  for (let round = 0; performance.now() < end; round += 1) {
    assert.deepEqual(await ask(worker, "echo", { round }), { round });
    assert.ok((await logBytes()) <= files * fileKib * 1024);
    assert.ok((await memoryKib(driver)) < 16 * 1024);
  }
  const other = await esb.workers.ensure(ensureRequest("other"));
  assert.deepEqual(await ask(other.worker, ""), { ok: true });
  assert.ok((await memoryKib(esb.agent.pid)) < agentBeforeKib + 64 * 1024);

  const notice = /^\[esb: \d+ bytes dropped: the worker prints more than 1024 KiB\/s\]$/;
  await until(async () => assert.ok(follower.lines.some((line) => notice.test(textOf(line)))), patienceMs);
  const texts = follower.lines.map(textOf);
  const numbers = texts.filter((text) => text.startsWith("flood ")).map((text) => Number(text.slice(6)));
  assert.ok(numbers.length > 1000);
  assert.ok(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0)));
  await idle.return?.();
  // It prints while it goes.
  for (const id of [workerId, other.worker?.id ?? ""]) await esb.workers.destroy({ workerId: id });
  await follower.ended();
  await assertNoTraces(esb);
});

test("W9: on a full disk a worker goes on serving; once there is room its lines are kept again", async () => {
  const mount = logFolder();
  await run("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", mount]);
  try {
    const { worker } = await esb.workers.ensure(probeRequest("crowded"));
    const workerId = worker?.id ?? "";
    await writeFile(join(mount, "filler"), Buffer.alloc(64 * 1024)).catch(() => undefined);
    const line = `${"x".repeat(99)}\n`;
    for (let count = 0; count < 20; count += 1) {
      assert.deepEqual(await ask(worker, "print", { stdout: line.repeat(1000) }), { ok: true });
    }
    await rm(join(mount, "filler"));
    await using follower = followLog(esb, { workerId });
    await until(async () => {
      await ask(worker, "print", { stdout: "room again\n" });
      assert.ok(follower.lines.some((kept) => textOf(kept) === "room again"));
    }, patienceMs);
    const notice = /^\[esb: (\d+) bytes dropped: the log cannot be written: No space left on device\]$/;
    const dropped = follower.lines.map((kept) => Number(notice.exec(textOf(kept))?.[1] ?? 0));
    assert.ok(dropped.reduce((sum, bytes) => sum + bytes, 0) > 1_900_000);
    await esb.workers.destroy({ workerId });
    await assertNoTraces(esb);
  } finally {
    await run("umount", ["-l", mount]);
  }
});

test("W9: a worker whose logging driver is killed serves until it prints, then is gone and made anew", async () => {
  const { worker } = await esb.workers.ensure(probeRequest("bereft"));
  const workerId = worker?.id ?? "";
  await killProcess(await driverPid(workerId));
  assert.deepEqual(await ask(worker, "echo", { still: "here" }), { still: "here" });
  await using watcher = watch(esb);
  await ask(worker, "print", { stdout: "nobody reads this\n" }).catch(() => undefined);
  await watcher.first(removalOf(workerId));
  const { worker: next } = await esb.workers.ensure(probeRequest("bereft"));
  await ask(next, "print", { stdout: "heard\n" });
  await using follower = followLog(esb, { workerId });
  await follower.told("heard");
  await esb.workers.destroy({ workerId });
  await assertNoTraces(esb);
});
