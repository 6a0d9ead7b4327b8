import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { detectHostMemoryBytes } from "../../agent/oci/host-memory.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { callerArchive, callerImage, probeArchive, probeImage } from "../support/images.ts";
import { nodeClientArchive, nodeClientImage } from "../support/runtimes/images.ts";
import { assertPrompt } from "../support/slowness.ts";

/** Chains of functions that call functions, with the AWS SDK as it is, and what they need of workers (L1). */

/** So large that the host has room for two of them. */
const largeMib = 10_240;
const percent = Math.round((2.5 * largeMib * 2 ** 20 * 100) / (await detectHostMemoryBytes()));

const functions = `
defaults: { timeout: 30, memory: 256, concurrency: { max: 1 } }
functions:
  one: { image: "${callerImage}" }
  other: { image: "${callerImage}" }
  two: { image: "${callerImage}", concurrency: { max: 2 } }
  probe: { image: "${probeImage}" }
  first: { image: "${callerImage}", memory: ${largeMib} }
  second: { image: "${callerImage}", memory: ${largeMib} }
  third: { image: "${callerImage}", memory: ${largeMib} }
  pieces: { image: "${nodeClientImage}", handler: stream.pieces }
`;

let esb: TestEsb;
before(async () => {
  const archives = [await callerArchive(), await probeArchive(), await nodeClientArchive()];
  esb = await startEsb({ archives, functions, settings: { ESB_MEMORY_PERCENT: String(percent) }, runtimeApi: true });
});
after(() => esb?.[Symbol.asyncDispose]());

interface Told {
  readonly status?: number;
  readonly error?: string;
  readonly message?: string;
  readonly payload?: Told & Readonly<Record<string, unknown>>;
}

async function ask(name: string, payload: object, headers: Record<string, string> = {}): Promise<Told> {
  const response = await esb.invoke(name, payload, { headers });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as Told;
}

const introduce = { op: "introduce" };
const call = (name: string, payload: object = introduce, type?: string) => ({ op: "call", name, payload, type });

/** How long it took, in milliseconds. */
async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const begun = performance.now();
  return [await work(), performance.now() - begun];
}

const throttled = ({ status, error, message }: Told) => {
  assert.deepEqual([status, error], [429, "TooManyRequestsException"], message);
  assert.match(message ?? "", /^Rate Exceeded: every worker that could take this call waits/);
};

test("L1: a function with one worker that calls itself is told 429 at once, and serves on", async () => {
  await ask("one", introduce);
  const [answer, tookMs] = await timed(() => ask("one", call("one")));
  throttled(answer);
  assertPrompt(tookMs, 5000);
  assert.deepEqual(await ask("one", introduce), { function: "one" });
});

test("L1: A calls B calls A: 429 for the last, which B and A go on with", async () => {
  await ask("other", introduce);
  const [answer, tookMs] = await timed(() => ask("one", call("other", call("one"))));
  assert.equal(answer.status, 200);
  throttled(answer.payload ?? {});
  assertPrompt(tookMs, 5000);
});

test("L1: many chains at once that all need two workers of two: each is served or told 429, none waits for ever", async () => {
  const [answers, tookMs] = await timed(() => Promise.all(Array.from({ length: 8 }, () => ask("two", call("two")))));
  for (const answer of answers) if (answer.status !== 200) throttled(answer);
  assert.ok(
    answers.some(({ status }) => status === 200),
    "some are served",
  );
  assertPrompt(tookMs, 20_000);
});

test("L1: a chain that needs more workers than the host has room for: 429 for the last, soon", async () => {
  for (const name of ["first", "second"]) await ask(name, introduce);
  const [answer, tookMs] = await timed(() => ask("first", call("second", call("third"))));
  assert.equal(answer.status, 200);
  throttled(answer.payload ?? {});
  assertPrompt(tookMs, 5000);
});

test("L1 L5: a function reads another's answer as it comes; a streamed call that would wait for ever is told 429, too", async () => {
  const told = (await ask("one", { op: "stream", name: "pieces", payload: { waitMs: 200 } })) as Told & {
    readonly pieces: readonly string[];
    readonly ends: readonly object[];
  };
  assert.deepEqual([told.status, told.pieces.length, told.ends], [200, 2, [{}]]);
  assert.equal(told.pieces[1], " second");
  throttled(await ask("one", { op: "stream", name: "one", payload: introduce }));
});

test("L1: the trace goes on from function to function, also as Event, whose function runs behind", async () => {
  const root = "Root=1-5d02e5ca-f5792818b6fe8368e5b51d50";
  const traced = { "x-amzn-trace-id": root };
  const seen = await ask("one", call("probe", { op: "head" }), traced);
  assert.match(String(seen.payload?.["x-amzn-trace-id"]), new RegExp(`^${root};`));
  const path = "/tmp/event";
  const event = call("probe", { op: "write", path, content: "done" }, "Event");
  assert.deepEqual(await ask("one", event, traced), { status: 202 });
  await until(
    async () => assert.deepEqual(await ask("probe", { op: "read", path }), { ok: true, content: "done" }),
    patienceMs,
    async (error) => `the event has not run: ${error}`,
  );
});

test("L1: a function that sends itself events without end is stopped, as AWS stops it", async () => {
  const again = (left: number): object => (left === 0 ? introduce : call("two", again(left - 1), "Event"));
  const runs = async () => {
    const text = await (await fetch(`${esb.url}/metrics`)).text();
    return Number(/esb_invocations_total\{function="two",outcome="ok"\} (\d+)/.exec(text)?.[1] ?? 0);
  };
  const before = await runs();
  assert.equal((await ask("two", again(40))).status, 202);
  const settled = async () => assert.equal((await runs()) - before, 16);
  await until(settled, patienceMs, async (error) => `it was not run sixteen times: ${error}`);
  await ask("two", introduce);
  assert.equal((await runs()) - before, 17, "nothing of it runs any more");
});
