import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PullPolicy, StartKind } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, ensureRequest, type Failure, failureOf, probeRequest } from "../support/calls.ts";
import { needs } from "../support/controllers.ts";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { busyboxArchive, probeArchive, probeImage, staticServerArchive } from "../support/images.ts";
import { assertPrompt } from "../support/slowness.ts";
import { assertNoTraces } from "../support/traces.ts";

const busyboxImage = "localhost/esb-busybox:latest";
let esb: TestEsb;
let plugins: { folder: string; fail(when: string): Promise<void>; mend(): Promise<void> };

before(async () => {
  plugins = await breakablePlugins();
  esb = await startEsb({
    archives: [await staticServerArchive(), await probeArchive(), await busyboxArchive()],
    settings: {
      ESB_NETWORK_POOL: "0",
      ESB_READY_TIMEOUT_MS: "8000",
      ESB_CNI_BIN_DIR: plugins.folder,
      // Nothing listens there: a pull fails at once.
      ESB_INSECURE_REGISTRIES: "127.0.0.1:1",
    },
  });
});
after(async () => {
  await esb?.[Symbol.asyncDispose]();
  await rm(plugins.folder, { recursive: true, force: true });
});

/** Whatever has failed: nothing of it is left, and the next Ensure of the same worker works and can be destroyed. */
afterEach(async () => {
  await plugins.mend();
  await assertNoTraces(esb);
  const { worker, startKind } = await esb.workers.ensure(ensureRequest("broken"));
  assert.equal(startKind, StartKind.COLD);
  assert.deepEqual(await ask(worker, ""), { ok: true });
  await esb.workers.destroy({ workerId: "broken-0" });
  await assertNoTraces(esb);
});

type Options = Parameters<Parameters<typeof failureOf>[0]>[0] & { deadline?: number };

const ensureBroken = (changed: Parameters<typeof ensureRequest>[1]) => (options: Options) =>
  esb.workers.ensure(ensureRequest("broken", changed), options);

function assertFailure(failure: Failure, status: Failure["status"], code: string, message: RegExp): void {
  assert.deepEqual([failure.status, failure.code], [status, code], failure.message);
  assert.match(failure.message, message);
}

test("W6: an image that is neither in the store nor to be pulled", async () => {
  const failure = await failureOf(ensureBroken({ image: "localhost/not-there:1", pullPolicy: PullPolicy.NEVER }));
  assertFailure(failure, "NOT_FOUND", "IMAGE_NOT_FOUND", /localhost\/not-there:1/);
});

test("W6: a registry that does not answer", async () => {
  const failure = await failureOf(ensureBroken({ image: "127.0.0.1:1/not-there:1" }));
  assertFailure(failure, "UNAVAILABLE", "IMAGE_PULL_FAILED", /127\.0\.0\.1:1/);
});

test("W6: an image reference that is none", async () => {
  const failure = await failureOf(ensureBroken({ image: "Not A Reference" }));
  assertFailure(failure, "INVALID_ARGUMENT", "INVALID_REQUEST", /image/);
});

test("W6: a snapshot of the worker's name that exists already is no failure", async () => {
  await esb.ctr("snapshots", "prepare", "broken-0");
  const { startKind } = await esb.workers.ensure(ensureRequest("broken"));
  assert.equal(startKind, StartKind.COLD);
  await esb.workers.destroy({ workerId: "broken-0" });
});

test("W6: a CNI plugin that fails in ADD tells its own words", async () => {
  await plugins.fail("ADD");
  const failure = await failureOf(ensureBroken({}));
  assertFailure(failure, "INTERNAL", "NETWORK_FAILED", /bridge.*the switch is off/);
});

test("W6: a CNI plugin that fails in ADD and in DEL still says what went wrong first", async () => {
  await plugins.fail("ADD|DEL");
  const failure = await failureOf(ensureBroken({}));
  assertFailure(failure, "INTERNAL", "NETWORK_FAILED", /bridge.*the switch is off/);
  await plugins.mend();
});

test("W6, W8: a CNI plugin that fails in DEL fails the Destroy, and the next one finishes it", async () => {
  await esb.workers.ensure(ensureRequest("broken"));
  await plugins.fail("DEL");
  const failure = await failureOf((options) => esb.workers.destroy({ workerId: "broken-0" }, options));
  assertFailure(failure, "INTERNAL", "NETWORK_FAILED", /bridge.*the switch is off/);
  await plugins.mend();
  await esb.workers.destroy({ workerId: "broken-0" });
});

test("W6: a CNI plugin that answers nonsense", async () => {
  await plugins.fail("ADD) echo nonsense; exit 0 ;; NEVER");
  const failure = await failureOf(ensureBroken({}));
  assertFailure(failure, "INTERNAL", "NETWORK_FAILED", /bridge.*nonsense/);
});

test("W6: a command that is not in the image", async () => {
  const failure = await failureOf(ensureBroken({ command: ["/nope"] }));
  assertFailure(failure, "FAILED_PRECONDITION", "WORKER_START_FAILED", /\/nope.*no such file/);
});

test("W6: a command that is no program", async () => {
  const failure = await failureOf(ensureBroken({ image: busyboxImage, command: ["/etc"] }));
  assertFailure(failure, "FAILED_PRECONDITION", "WORKER_START_FAILED", /\/etc.*(permission denied|is a directory)/);
});

test("W6: a worker that ends at once", async () => {
  const failure = await failureOf(ensureBroken({ image: busyboxImage, command: ["/bin/sh", "-c", "exit 3"] }));
  assertFailure(failure, "FAILED_PRECONDITION", "WORKER_EXITED", /broken-0 ended with status 3/);
  assertPrompt(failure.afterMs, 2800);
});

test("W6: a worker that never listens", async () => {
  const failure = await failureOf(ensureBroken({ image: busyboxImage, command: ["/bin/sleep", "100"] }));
  assertFailure(failure, "FAILED_PRECONDITION", "WORKER_NOT_READY", /port 8080.*8000 ms/);
});

test("W6, W10: a worker that goes over its memory limit before it listens", needs("memory"), async () => {
  const script = "const kept = []; for (;;) kept.push(Buffer.alloc(1e6, 1))";
  const command = ["/usr/local/bin/node", "-e", script];
  const failure = await failureOf(ensureBroken({ image: probeImage, command }));
  assertFailure(failure, "FAILED_PRECONDITION", "WORKER_OUT_OF_MEMORY", /memory limit/);
});

const sleeper = { image: busyboxImage, command: ["/bin/sleep", "100"] };

test("W6, W1: a deadline that passes while the worker starts", async () => {
  const failure = await failureOf((options) => ensureBroken(sleeper)({ ...options, deadline: 400 }));
  assert.equal(failure.status, "DEADLINE_EXCEEDED");
  assertPrompt(failure.afterMs, 1000);
});

test("W6, W1: a client that cancels, at any moment of the start", async () => {
  for (let round = 0; round < 12; round += 1) {
    const controller = new AbortController();
    const ended = esb.workers.ensure(ensureRequest("broken", sleeper), { signal: controller.signal });
    ended.catch(() => undefined);
    await delay(round * 15);
    controller.abort();
    await assert.rejects(ended, { name: "AbortError" });
    await assertNoTraces(esb);
  }
});

test("W6: an error on one worker's way does not touch the others", async () => {
  const { worker } = await esb.workers.ensure(probeRequest("other"));
  await failureOf(ensureBroken({ command: ["/nope"] }));
  assert.deepEqual(await ask(worker, "echo", { a: 1 }), { a: 1 });
  await esb.workers.destroy({ workerId: "other-0" });
});

/** A folder with the real plugins, of which `bridge` can be made to fail for the commands that a shell pattern names. */
async function breakablePlugins() {
  const folder = await mkdtemp(join(tmpdir(), "esb-plugins-"));
  const real = "/usr/lib/cni";
  for (const name of ["host-local", "loopback"]) await symlink(join(real, name), join(folder, name));
  const bridge = async (pattern: string) => {
    const words = JSON.stringify({ cniVersion: "1.0.0", code: 100, msg: "the switch is off" });
    const script = `#!/bin/sh
case "$CNI_COMMAND" in ${pattern}) echo '${words}'; exit 1 ;; esac
exec ${join(real, "bridge")}
`;
    await writeFile(join(folder, "bridge"), script);
    await chmod(join(folder, "bridge"), 0o755);
  };
  await mkdir(folder, { recursive: true });
  await bridge("NEVER");
  return { folder, fail: bridge, mend: () => bridge("NEVER") };
}
