import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { extensionArchive, extensionImage, nodeClientArchive, nodeClientImage } from "../support/runtimes/images.ts";

/** The times of an invocation in a worker with a Lambda runtime: what it may take, and when its worker is free again. */

const initTimeoutMs = 2000;
const functions = `
defaults: { timeout: 5, memory: 256, idle: { freezeAfterMs: -1 } }
functions:
  frozen: { image: ${nodeClientImage}, idle: { freezeAfterMs: 0 }, timeout: 4 }
  slow: { image: ${nodeClientImage}, handler: slow.look, timeout: 9 }
  short: { image: ${nodeClientImage}, handler: slow.look, timeout: 1 }
  watched: { image: ${extensionImage}, handler: occupied.look, timeout: 60, concurrency: { max: 2 } }
  alone: { image: ${extensionImage}, handler: occupied.look, concurrency: { max: 1 } }
  late: { image: ${extensionImage}, handler: occupied.look, timeout: 2, concurrency: { max: 1 } }
`;

let esb: TestEsb;

before(async () => {
  const archives = await Promise.all([nodeClientArchive(), extensionArchive()]);
  const settings = { ESB_INIT_TIMEOUT_MS: String(initTimeoutMs) };
  esb = await startEsb({ functions, archives, runtimeApi: true, settings });
});
after(() => esb?.[Symbol.asyncDispose]());

/** What the handlers of test/fixtures/runtimes/node answer, or what is told in their stead. */
interface Answer {
  readonly instance: string;
  readonly remainingMs: number;
  readonly lines: readonly string[];
  readonly errorType: string;
  readonly errorMessage: string;
}

async function invoke(name: string, payload: object = {}) {
  const beganMs = performance.now();
  const response = await esb.invoke(name, payload);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const head = (header: string) => response.headers.get(header);
  const tookMs = performance.now() - beganMs;
  return {
    start: head("x-esb-start"),
    worker: head("x-esb-worker"),
    error: head("x-amz-function-error"),
    body: JSON.parse(text) as Answer,
    tookMs,
  };
}

test("L3: behind a slow thaw a function is told of its whole time, and has it", async () => {
  const timeoutMs = 4000;
  // The init phase of a worker that is made may take more than this test allows on a busy machine.
  await until(async () => assert.equal((await invoke("frozen")).error, null), patienceMs);
  await esb.waitForTask("frozen-0", "PAUSED");
  const { pid } = esb.containerd;
  assert.ok(pid !== undefined);
  const thawingMs = 3500;
  process.kill(pid, "SIGSTOP");
  const goingOn = sleep(thawingMs).then(() => process.kill(pid, "SIGCONT"));
  const { body, start, tookMs } = await invoke("frozen", { waitMs: 1000 });
  await goingOn;
  assert.equal(start, "thawed");
  assert.ok(tookMs > timeoutMs, `${tookMs} ms in all, of which the function's are the last`);
  // It is asked at the end of the second that it waits.
  assert.ok(body.remainingMs > 500 && body.remainingMs <= timeoutMs - 900, `${body.remainingMs} ms are left`);
});

test("L3: a second init phase has the function's own time, as on AWS", async () => {
  const { body, start, error, tookMs } = await invoke("slow");
  assert.deepEqual([error, start], [null, "cold"], JSON.stringify(body));
  assert.ok(tookMs > initTimeoutMs + 3000, `${tookMs} ms`);
  // A cold start, however slow, takes nothing of the invocation's time.
  assert.ok(body.remainingMs > 6000 && body.remainingMs <= 9000, `${body.remainingMs} ms are left`);
});

test("L3: one that takes longer than that is Sandbox.Timedout after the function's time", async () => {
  const { body, error } = await invoke("short");
  assert.equal(error, "Unhandled");
  assert.equal(body.errorType, "Sandbox.Timedout");
  assert.match(body.errorMessage, /Task timed out after 1\.00 seconds$/);
});

test("L3: a worker whose extension still works is busy: the next request is served by another at once", async () => {
  const first = await invoke("watched", { endless: true });
  const second = await invoke("watched");
  assert.notEqual(second.worker, first.worker);
  assert.equal(second.start, "cold");
  assert.notEqual(second.body.instance, first.body.instance);
});

test("L3: where there is no other the next request waits, and finds the extension done", async () => {
  const first = await invoke("alone");
  const second = await invoke("alone");
  assert.deepEqual([second.start, second.body.instance], ["warm", first.body.instance]);
  assert.deepEqual(second.body.lines.slice(0, 3), ["registered 200", "INVOKE", "done"]);
});

test("L3: an extension that takes longer than the function may costs its worker, and nobody's answer", async () => {
  const first = await invoke("late", { endless: true });
  assert.equal(first.error, null);
  const second = await invoke("late");
  assert.deepEqual([second.start, second.error], ["cold", null]);
  assert.notEqual(second.body.instance, first.body.instance);
  assert.match(await esb.gateway.log(), /extensions of a worker that had answered took too long/);
});
