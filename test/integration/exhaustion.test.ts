import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import type { Worker } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, ensureRequest, type Failure, failureOf } from "../support/calls.ts";
import { needs } from "../support/controllers.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { staticServerArchive } from "../support/images.ts";
import { assertNoTraces, assertTraces, tracesOf } from "../support/traces.ts";

/**
 * Machines that have run out of something (S5): the call fails and says of what, nothing is left behind, workers that
 * run go on, and once there is room the next call works, with nothing restarted.
 */

/** Far more than a refusal takes, and less than what would be a hang. */
const withinMs = 20_000;

/** An esb with one worker that must not notice anything. */
interface Setup {
  readonly esb: TestEsb;
  readonly warm: Worker | undefined;
  readonly traces: readonly string[];
}

async function setUp(): Promise<Setup> {
  const settings = { ESB_NETWORK_POOL: "0" };
  const esb = await startEsb({ archives: [await staticServerArchive()], settings });
  const { worker: warm } = await esb.workers.ensure(ensureRequest("warm"));
  return { esb, warm, traces: await tracesOf(esb) };
}

/** How a start fails; undefined: it does not. A worker that runs serves meanwhile, freezes and thaws. */
async function startMeanwhile({ esb, warm }: Setup): Promise<Failure | undefined> {
  const call = (options: object) => esb.workers.ensure(ensureRequest("cold"), { ...options, deadline: withinMs });
  const failure = await failureOf(call).catch((error: Error) => {
    if (error.message !== "the call succeeded") throw error;
    return undefined;
  });
  const workerId = "warm-0";
  assert.deepEqual(await ask(warm, ""), { ok: true });
  await esb.workers.pause({ workerId }, { deadline: withinMs });
  await esb.workers.resume({ workerId }, { deadline: withinMs });
  assert.deepEqual(await ask(warm, ""), { ok: true });
  return failure;
}

/** There is room again: the same call works, and with it nothing is left of the failed one. */
async function assertRecovered({ esb, traces }: Setup): Promise<void> {
  await assertTraces(esb, traces);
  await assertStarts({ esb });
  await assertTraces(esb, traces);
  await esb.agent.assertAlive();
}

async function assertStarts({ esb }: Pick<Setup, "esb">): Promise<void> {
  const { worker } = await esb.workers.ensure(ensureRequest("cold"));
  assert.deepEqual(await ask(worker, ""), { ok: true });
  await esb.workers.destroy({ workerId: "cold-0" });
}

function assertTold(failure: Failure | undefined, message: RegExp): void {
  assert.deepEqual([failure?.status, failure?.code], ["RESOURCE_EXHAUSTED", "HOST_EXHAUSTED"], failure?.message);
  assert.match(failure?.message ?? "", message);
}

/** Half-way in a start, a shim or a runc may have died of it without a word; never is it told as the function's fault. */
function assertTheMachines({ code, message }: Failure): void {
  assert.ok(code === "HOST_EXHAUSTED" || code === "RUNTIME_UNAVAILABLE", `${code}: ${message}`);
}

let shared: Setup;
before(async () => {
  shared = await setUp();
});
after(async () => {
  await shared?.esb[Symbol.asyncDispose]();
});

/** Lets a process have this many more file descriptors than it has now. */
function limitFiles(pid: number, more: number): Disposable {
  const prlimit = (...args: string[]) => execFileSync("prlimit", ["--pid", String(pid), ...args]).toString();
  const [soft, hard] = prlimit("--nofile", "--noheadings", "--output", "SOFT,HARD").trim().split(/\s+/);
  prlimit(`--nofile=${readdirSync(`/proc/${pid}/fd`).length + more}:`);
  return { [Symbol.dispose]: () => void prlimit(`--nofile=${soft}:${hard}`) };
}

/** Lets a process and those that it starts have this many more processes and threads than there are now. */
function limitProcesses(pid: number, more: number): Disposable {
  const root = "/sys/fs/cgroup/pids";
  const home = /^\d+:pids:(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, "utf8"))?.[1] ?? "/";
  const group = join(root, `esb-test-${pid}`);
  mkdirSync(group);
  writeFileSync(join(group, "cgroup.procs"), String(pid));
  const now = Number(readFileSync(join(group, "pids.current"), "utf8"));
  writeFileSync(join(group, "pids.max"), String(now + more));
  return {
    [Symbol.dispose]() {
      // Also those that it has started meanwhile.
      for (const member of readFileSync(join(group, "cgroup.procs"), "utf8").split("\n").filter(Boolean)) {
        writeFileSync(join(root, home, "cgroup.procs"), member);
      }
      rmdirSync(group);
    },
  };
}

test("S5: no file descriptors left for the agent", async () => {
  let failure: Failure | undefined;
  {
    using _limit = limitFiles(shared.esb.agent.pid ?? 0, 0);
    failure = await startMeanwhile(shared);
  }
  assertTold(failure, /no file descriptors left: .*EMFILE.*LimitNOFILE/);
  await assertRecovered(shared);
});

test("S5: no file descriptors left for containerd, which then cannot remove what it has begun either", async () => {
  let failure: Failure | undefined;
  {
    using _limit = limitFiles(shared.esb.containerd.pid ?? 0, 0);
    failure = await startMeanwhile(shared);
  }
  assertTold(failure, /no file descriptors left: .*too many open files.*LimitNOFILE/);
  // It leaves a folder that is in the way of the next but one of this worker's tasks; we move it out of it.
  await assertStarts(shared);
  await assertStarts(shared);
  await assertRecovered(shared);
});

for (const [name, pidOf] of [
  ["the agent", () => shared.esb.agent.pid],
  ["containerd", () => shared.esb.containerd.pid],
] as const) {
  test(`S5: too many processes for ${name} to start another`, needs("pids"), async () => {
    let failure: Failure | undefined;
    {
      using _limit = limitProcesses(pidOf() ?? 0, 0);
      failure = await startMeanwhile(shared);
    }
    assertTold(failure, /no processes or threads left: .*(EAGAIN|temporarily unavailable).*TasksMax/);
    await assertRecovered(shared);
  });
}

test(
  "S5: wherever in a start file descriptors or processes run out, nothing is left of it",
  needs("pids"),
  async () => {
    const limits = [
      ...[1, 2, 4, 8, 12].map((more) => () => limitFiles(shared.esb.agent.pid ?? 0, more)),
      ...[1, 4, 8].map((more) => () => limitProcesses(shared.esb.agent.pid ?? 0, more)),
      ...[1, 4, 8, 12].map((more) => () => limitProcesses(shared.esb.containerd.pid ?? 0, more)),
    ];
    for (const limit of limits) {
      let failure: Failure | undefined;
      {
        using _limit = limit();
        failure = await startMeanwhile(shared);
      }
      if (failure !== undefined) assertTheMachines(failure);
      if (failure === undefined) await shared.esb.workers.destroy({ workerId: "cold-0" });
      await assertTraces(shared.esb, shared.traces);
    }
    await assertRecovered(shared);
  },
);

test("S5: no memory left for the workers", needs("memory"), async (t) => {
  const group = `/sys/fs/cgroup/memory/${shared.esb.namespace}`;
  const limit = join(group, "memory.limit_in_bytes");
  const used = Number(readFileSync(join(group, "memory.usage_in_bytes"), "utf8"));
  // As much as the smallest worker needs not.
  writeFileSync(limit, String(used + 512 * 1024));
  t.after(() => writeFileSync(limit, "-1"));
  const failure = await startMeanwhile(shared);
  assertTold(failure, /no memory left: .*OOM-killed.*free memory/);
  writeFileSync(limit, "-1");
  await assertRecovered(shared);
});

/** A small file system of its own; what is made in the system's temporary folder meanwhile is made there. */
function smallDisk(t: TestContext, mebibytes: number) {
  const dir = mkdtempSync(join(tmpdir(), "esb-small-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "none", dir]);
  const former = process.env.TMPDIR;
  process.env.TMPDIR = dir;
  t.after(() => {
    if (former === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = former;
    execFileSync("umount", [dir]);
    rmdirSync(dir);
  });
  const fill = join(dir, "fill");
  return {
    clear: () => rmSync(fill, { force: true }),
    /** Leaves so much room and no more. */
    fillBut(kibibytes: number) {
      rmSync(fill, { force: true });
      const { bavail, bsize } = statfsSync(dir);
      execFileSync("fallocate", ["--length", String(bavail * bsize - kibibytes * 1024), fill]);
    },
  };
}

test("S5: no disk left for containerd and the agent's state, wherever in a start it runs out", async (t) => {
  const disk = smallDisk(t, 64);
  const setup = await setUp();
  try {
    const failures: (Failure | undefined)[] = [];
    for (const kibibytes of [0, 8, 16, 32, 64, 128, 256]) {
      disk.fillBut(kibibytes);
      const failure = await startMeanwhile(setup);
      disk.clear();
      failures.push(failure);
      if (failure === undefined) await setup.esb.workers.destroy({ workerId: "cold-0" });
      else assertTheMachines(failure);
      await assertRecovered(setup);
    }
    assert.ok(failures[0] !== undefined, "with no room at all a start cannot work");
    const told = failures.find((failure) => failure?.code === "HOST_EXHAUSTED");
    assertTold(told, /no disk space left: .*no space left on device.*make room/);

    disk.fillBut(0);
    await setup.esb.workers.destroy({ workerId: "warm-0" }, { deadline: withinMs });
    disk.clear();
    await assertNoTraces(setup.esb);
    await assertStarts(setup);
  } finally {
    disk.clear();
    await setup.esb[Symbol.asyncDispose]();
  }
});
