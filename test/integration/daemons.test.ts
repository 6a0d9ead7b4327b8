import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isRunning, lastLines, readDaemon, startDaemon, stopDaemon } from "../../scripts/up/daemons.ts";
import { untilReady } from "../../scripts/up/until-ready.ts";

test("a daemon is found again by its note and ends with SIGTERM", async () => {
  await using folder = await temporaryFolder();
  const daemon = await startDaemon(options(folder.path, "echo started; exec sleep 100"));
  const logPath = join(folder.path, "thing.log");
  await untilReady({
    what: "thing",
    logPath,
    timeoutMs: 60_000,
    isRunning: () => isRunning(daemon),
    isReady: async () => (await lastLines(logPath, 1)) === "started",
  });
  assert.deepEqual(await readDaemon(folder.path, "thing"), daemon);
  assert.equal(await isRunning(daemon), true);
  assert.equal(await stopDaemon(daemon, folder.path, 5000), true);
  assert.equal(await isRunning(daemon), false);
  assert.equal(await readDaemon(folder.path, "thing"), undefined);
  assert.equal(await stopDaemon(daemon, folder.path, 5000), false);
});

test("a daemon that ends before it is ready is told with the end of its log", async () => {
  await using folder = await temporaryFolder();
  const daemon = await startDaemon(options(folder.path, "echo no luck; exit 1"));
  const logPath = join(folder.path, "thing.log");
  const ready = untilReady({
    what: "thing",
    logPath,
    timeoutMs: 60_000,
    isRunning: () => isRunning(daemon),
    isReady: async () => false,
  });
  await assert.rejects(ready, /thing ended; the end of .*thing\.log:\nno luck/);
});

test("a daemon that does not hear SIGTERM is killed", async () => {
  await using folder = await temporaryFolder();
  const daemon = await startDaemon(options(folder.path, "trap '' TERM; while :; do sleep 0.05; done"));
  assert.equal(await stopDaemon(daemon, folder.path, 200), true);
  assert.equal(await isRunning(daemon), false);
});

test("another process that has the pid by now is not touched", async () => {
  await using folder = await temporaryFolder();
  const daemon = await startDaemon(options(folder.path, "exec sleep 100"));
  const other = { ...daemon, startTicks: "1" };
  assert.equal(await stopDaemon(other, folder.path, 5000), false);
  assert.equal(await isRunning(daemon), true);
  await stopDaemon(daemon, folder.path, 5000);
});

test("a note that was cut off by a crash counts as none", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "thing.pid"), '{"name":"thi');
  assert.equal(await readDaemon(folder.path, "thing"), undefined);
});

function options(runDir: string, script: string) {
  return {
    name: "thing",
    command: ["/bin/sh", "-c", script],
    cwd: "/",
    environment: process.env,
    signature: "",
    logPath: join(runDir, "thing.log"),
    runDir,
  } as const;
}

async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "esb-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
