import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ensureRequest, never, testService } from "./service.fake.ts";
import { functionSpec } from "./worker.fake.ts";

const endpoint = "http://10.63.0.1:8372";
const calling = (slot = 0) => ensureRequest({ slot, function: functionSpec({ lambdaEndpoint: endpoint }) });

test("L7: each cold start gets a token of its own, of which only the digest is kept", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(calling(), never);
  await t.service.destroy({ id: "hello-0", instanceId: undefined });
  await t.service.ensure(calling(), never);
  await t.service.ensure(calling(1), never);
  const tokens = t.runtime.starts.map(({ access }) => access?.sessionToken ?? "");
  assert.equal(new Set(tokens).size, 3);
  assert.ok(tokens.every((token) => /^[\w-]{43}$/.test(token)));
  assert.equal(
    worker.identity.tokenDigest,
    createHash("sha256")
      .update(tokens[0] ?? "")
      .digest("hex"),
  );
  const known = JSON.stringify([t.service.table.all(), [...t.runtime.workers.values()]]);
  for (const token of tokens) assert.ok(!known.includes(token));
  assert.ok(t.runtime.starts.every(({ access }) => access?.endpoint === endpoint));
});

test("L7: two workers of one spec differ in their token, not in their spec's digest; one that is there keeps its own", async () => {
  await using t = await testService();
  const { worker: one } = await t.service.ensure(calling(), never);
  const { worker: other } = await t.service.ensure(calling(1), never);
  const { worker: again, startKind } = await t.service.ensure(calling(), never);
  assert.equal(one.identity.specDigest, other.identity.specDigest);
  assert.notEqual(one.identity.tokenDigest, other.identity.tokenDigest);
  assert.equal(startKind, "warm");
  assert.equal(again.identity.tokenDigest, one.identity.tokenDigest);
});

test("L7: a worker whose gateway serves it nowhere gets no token; one that it serves elsewhere is made anew", async () => {
  await using t = await testService();
  const { worker } = await t.service.ensure(ensureRequest(), never);
  assert.equal(worker.identity.tokenDigest, undefined);
  assert.equal(t.runtime.starts[0]?.access, undefined);
  const moved = await t.service.ensure(calling(), never);
  assert.equal(moved.startKind, "cold");
  assert.equal(t.runtime.starts[1]?.access?.endpoint, endpoint);
});

test("L7: where a worker calls from is told before any of it runs", async () => {
  await using t = await testService();
  t.runtime.sourceAddress = "10.63.0.7";
  const { position } = t.service.table;
  let told: unknown;
  t.runtime.at("start", async () => {
    for await (const message of t.service.table.watch(position, never)) {
      if (message.type !== "change" || message.change.worker.state !== "starting") continue;
      told = message.change.worker.sourceAddress;
      if (told !== undefined) break;
    }
  });
  const { worker } = await t.service.ensure(calling(), never);
  assert.equal(told, "10.63.0.7");
  assert.equal(worker.sourceAddress, "10.63.0.7");
});
