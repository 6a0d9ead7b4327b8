import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  Driver,
  type FunctionSpec,
  PullPolicy,
  RemovalReason,
  type Worker,
  type WorkerRemoved,
} from "../../proto/gen/esb/agent/v1/agent.ts";
import { buildCached } from "../../scripts/image/cached.ts";
import { needs } from "../support/controllers.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { probeArchive, probeImage, staticServer } from "../support/images.ts";

/** What a worker can and cannot do (W4), as it finds out itself: the probe runs in it and tells. */

const mebibyte = 1024 ** 2;
let esb: TestEsb;

before(async () => {
  esb = await startEsb({ archives: [await probeArchive()] });
});
after(() => esb?.[Symbol.asyncDispose]());

type Settings = Partial<FunctionSpec> & { name: string };

/** A worker that is destroyed at the end of its test. */
async function start(settings: Settings): Promise<Worker & AsyncDisposable> {
  const spec: FunctionSpec = {
    image: probeImage,
    command: [],
    environment: {},
    memoryMib: 512,
    timeoutMs: 60_000,
    tmpMib: 0,
    pullPolicy: PullPolicy.NEVER,
    handler: "",
    driver: Driver.UNSPECIFIED,
    ...settings,
  };
  const { worker } = await esb.workers.ensure({ function: spec, slot: 0, owner: "test" });
  assert.ok(worker);
  const destroy = async () => {
    await esb.workers.destroy({ workerId: worker.id, graceMs: 0 });
  };
  return { ...worker, [Symbol.asyncDispose]: destroy };
}

/** Has a probe do something; its answer as it came. */
async function ask(worker: Worker, operation: { op: string; [field: string]: unknown }) {
  const response = await fetch(`http://${worker.host}:${worker.port}/`, {
    method: "POST",
    body: JSON.stringify(operation),
    signal: AbortSignal.timeout(60_000),
  });
  return (await response.json()) as Record<string, unknown>;
}

/** Watches until the worker is gone. */
async function removalOf(worker: Worker): Promise<WorkerRemoved> {
  for await (const { event } of esb.workers.watch({}, { signal: AbortSignal.timeout(30_000) })) {
    if (event?.$case === "removed" && event.value.worker?.id === worker.id) return event.value;
  }
  throw new Error("the watch ended");
}

test("a worker is an unprivileged user without capabilities, and can't become more", async () => {
  await using worker = await start({ name: "plain" });
  const identity = await ask(worker, { op: "id" });
  assert.deepEqual([identity.uid, identity.gid, identity.cwd], [993, 990, "/var/task"]);
  const status = identity.status as Record<string, string>;
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) assert.match(status[set] ?? "", /^0+$/);
  assert.equal(status.NoNewPrivs, "1");
  assert.equal(status.Seccomp, "2");
  for (const argv of [
    ["/bin/mount", "-t", "tmpfs", "none", "/tmp"],
    ["/bin/busybox", "unshare", "-U", "true"],
    ["/bin/busybox", "unshare", "-n", "true"],
    ["/bin/busybox", "chroot", "/tmp", "true"],
    ["/bin/busybox", "mknod", "/tmp/disk", "b", "254", "0"],
    ["/bin/busybox", "hostname", "other"],
  ]) {
    const { ok, stderr } = await ask(worker, { op: "exec", argv });
    assert.equal(ok, false, argv.join(" "));
    assert.match(String(stderr), /not permitted|permission denied/i);
  }
});

test("it can write to /tmp and nowhere else", async () => {
  await using worker = await start({ name: "writes" });
  assert.deepEqual(await ask(worker, { op: "write", path: "/tmp/file" }), { ok: true });
  for (const place of ["/", "/var/task", "/etc", "/dev", "/sys"]) {
    assert.equal((await ask(worker, { op: "write", path: `${place}/file` })).error, "EROFS", place);
  }
  for (const place of ["/dev/shm", "/dev/mqueue", "/dev/pts", "/run", "/var/tmp", "/home", "/root", "/sys/fs/cgroup"]) {
    assert.equal((await ask(worker, { op: "write", path: `${place}/file` })).ok, false, place);
  }
  for (const path of ["/etc/hosts", "/etc/resolv.conf", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"]) {
    assert.equal((await ask(worker, { op: "write", path })).ok, false, path);
  }
});

test("it fills no more than its /tmp, and has it again when it deletes the file", async () => {
  await using worker = await start({ name: "fills", memoryMib: 1024 });
  for (const round of ["first", "second"]) {
    const answer = await ask(worker, { op: "fill", path: "/tmp/big", mib: 600 });
    assert.deepEqual(answer, { ok: false, error: "ENOSPC", writtenMib: 512 }, round);
    assert.equal((await ask(worker, { op: "exec", argv: ["/bin/busybox", "rm", "/tmp/big"] })).ok, true);
  }
});

test("it has its image's, its function's and Lambda's environment", async () => {
  await using worker = await start({
    name: "sees",
    memoryMib: 256,
    environment: { GREETING: "hi", AWS_REGION: "mine" },
  });
  const environment = await ask(worker, { op: "env" });
  const seen = {
    FROM_IMAGE: "yes",
    GREETING: "hi",
    AWS_REGION: "us-east-1",
    AWS_LAMBDA_FUNCTION_NAME: "sees",
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
    LAMBDA_TASK_ROOT: "/var/task",
    PORT: "8080",
  };
  for (const [name, value] of Object.entries(seen)) assert.equal(environment[name], value, name);
  assert.match(String(environment.AWS_LAMBDA_LOG_STREAM_NAME), /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/);
});

test("it has 1,024 file descriptors and 1,024 processes, and outlives a fork bomb", needs("pids"), async () => {
  await using worker = await start({ name: "counts" });
  const { content } = await ask(worker, { op: "rlimits" });
  assert.match(String(content), /^Max open files\s+1024\s+1024/m);
  const script = "i=0; while [ $i -lt 1500 ]; do sleep 60 >/dev/null 2>&1 & i=$((i+1)); done; wait";
  const answer = await ask(worker, { op: "exec", argv: ["/bin/sh", "-c", script] });
  assert.match(String(answer.stderr), /can't fork/);
  const { pids } = await esb.workers.stats({ workerId: worker.id });
  assert.ok(pids > 1000n && pids <= 1024n, `${pids} processes`);
  assert.deepEqual(await ask(worker, { op: "echo", still: "here" }), { still: "here" });
});

test("at its memory limit it is killed, and that is told as what it is", needs("memory"), async () => {
  await using worker = await start({ name: "grows", memoryMib: 128 });
  const removal = removalOf(worker);
  await assert.rejects(ask(worker, { op: "allocate", mib: 256 }));
  assert.equal((await removal).reason, RemovalReason.OUT_OF_MEMORY);
});

test("it gets CPU in proportion to its memory", needs("cpu"), async () => {
  await using worker = await start({ name: "burns", memoryMib: 442 });
  const { cpuMs } = await ask(worker, { op: "burn", ms: 4000 });
  const share = Number(cpuMs) / 4000;
  assert.ok(share > 0.15 && share < 0.3, `a quarter of a CPU, not ${share}`);
});

test("its memory limit is the function's memory", needs("memory"), async () => {
  await using worker = await start({ name: "limited", memoryMib: 300 });
  assert.equal((await esb.workers.stats({ workerId: worker.id })).memoryLimitBytes, BigInt(300 * mebibyte));
});

for (const [user, expected] of [
  ["1234:567", "1234 567"],
  ["0", "993 990"],
] as const) {
  test(`an image whose user is ${user} runs as ${expected.replace(" ", ":")}`, async () => {
    const image = `localhost/esb-user-${user.replace(":", "-")}:latest`;
    const archive = join(esb.containerd.dir, "user.tar");
    await buildCached(
      {
        name: image,
        config: { Entrypoint: ["/server"], User: user },
        layers: [{ entries: [{ type: "copy", path: "/server", source: await staticServer(), mode: 0o755 }] }],
      },
      archive,
    );
    await esb.importArchive(archive);
    await using worker = await start({ name: "user", image, memoryMib: 128 });
    const status = await readFile(`/proc/${worker.pid}/status`, "utf8");
    const ids = ["Uid", "Gid"].map((name) => new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
    assert.equal(ids.join(" "), expected);
  });
}
