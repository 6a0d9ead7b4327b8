import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { readLog, textOf } from "../support/logs.ts";
import { patienceMs, until } from "../support/process.ts";
import { callback, type Proof, proofArchive, proofs } from "../support/runtimes/proofs.ts";

/** AWS's runtime clients for each language, unmodified, as workers: what a handler sees, and what its caller is told. */

const timeoutS = 20;
const memoryMib = 512;
const able = [...proofs, callback].filter(({ image }) => image.missing === undefined);

let esb: TestEsb;

before(async () => {
  const archives: string[] = [];
  for (const image of new Set(able.map((proof) => proof.image))) archives.push(await proofArchive(image));
  const lines = able.map(({ name, image, handler }) => {
    return `  ${name}: { image: "${image.name}"${handler === undefined ? "" : `, handler: ${handler}`} }`;
  });
  const functions = `
defaults: { timeout: ${timeoutS}, memory: ${memoryMib}, idle: { freezeAfterMs: 500 }, concurrency: { max: 1 } }
functions:
${lines.join("\n")}
`;
  esb = await startEsb({ functions, archives, runtimeApi: true });
});
after(() => esb?.[Symbol.asyncDispose]());

const options = ({ image }: Proof) => ({ skip: image.missing ?? false });

/** What the handlers of test/fixtures/runtimes answer, or what is told in their stead. */
interface Seen {
  readonly event: unknown;
  readonly invocations: number;
  readonly requestId: string;
  readonly functionArn: string;
  readonly functionName: string;
  readonly memoryMib: number;
  readonly remainingMs: number;
  readonly client: { readonly custom?: unknown } | null;
  readonly errorType: string;
  readonly errorMessage: string;
}

async function answerOf(name: string, event: unknown = {}, headers: Record<string, string> = {}) {
  const response = await esb.invoke(name, event, { headers });
  const text = await response.text();
  const head = (header: string) => response.headers.get(header);
  const seen = JSON.parse(text) as Seen;
  const [error, start, id] = [head("x-amz-function-error"), head("x-esb-start"), head("x-amzn-requestid")];
  return { outcome: [response.status, error, start], id, seen, text };
}

for (const proof of proofs) {
  const { name, errorType } = proof;

  test(`L3 ${name}: cold, warm, and thawed where it was`, options(proof), async () => {
    const first = await answerOf(name, { key: "Zoë" });
    assert.deepEqual(first.outcome, [200, null, "cold"], first.text);
    assert.deepEqual(first.seen.event, { key: "Zoë" });
    const second = await answerOf(name, { key: 2 });
    assert.deepEqual([...second.outcome, second.seen.invocations], [200, null, "warm", 2]);
    await esb.waitForTask(`${name}-0`, "PAUSED");
    const third = await answerOf(name, { key: 3 });
    assert.deepEqual([...third.outcome, third.seen.invocations], [200, null, "thawed", 3]);
    assert.deepEqual(third.seen.event, { key: 3 });
  });

  test(`L3 L1 ${name}: its context has deadline, memory, and who is called`, options(proof), async () => {
    const client = Buffer.from(JSON.stringify({ custom: { who: "me" } })).toString("base64");
    const { id, seen, text } = await answerOf(name, {}, { "x-amz-client-context": client });
    assert.ok(seen.remainingMs > (timeoutS - 5) * 1000 && seen.remainingMs <= timeoutS * 1000, text);
    assert.equal(seen.memoryMib, memoryMib);
    if (name === "emulator") return;
    assert.equal(seen.requestId, id);
    assert.equal(seen.functionName, name);
    assert.equal(seen.functionArn, `arn:aws:lambda:us-east-1:123456789012:function:${name}`);
    assert.deepEqual(seen.client?.custom, { who: "me" });
  });

  test(`L3 O1 ${name}: what it prints is in its log`, options(proof), async () => {
    const { seen } = await answerOf(name);
    await until(async () => {
      const lines = (await readLog(esb, { workerId: `${name}-0` })).map(textOf);
      assert.ok(
        lines.some((text) => text.includes(`printed by ${seen.requestId}`)),
        lines.join("\n"),
      );
    }, patienceMs);
  });

  test(`L3 L1 ${name}: its handler's error is the caller's, and it goes on`, options(proof), async () => {
    const failed = await answerOf(name, { fail: true });
    // The emulator tells an error in its answer's body only.
    assert.deepEqual(failed.outcome.slice(0, 2), [200, name === "emulator" ? null : "Unhandled"], failed.text);
    assert.match(failed.seen.errorMessage, /this function fails/);
    assert.equal(failed.seen.errorType, errorType);
    assert.deepEqual((await answerOf(name)).outcome, [200, null, "warm"]);
  });
}

test("L3 node22: a handler with a callback is refused, as AWS's client does", options(callback), async () => {
  const refused = await answerOf(callback.name);
  assert.deepEqual(refused.outcome.slice(0, 2), [200, "Unhandled"], refused.text);
  assert.equal(refused.seen.errorType, callback.errorType);
});
