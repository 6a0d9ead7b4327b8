import assert from "node:assert/strict";
import { test } from "node:test";
import { specDigest, workerId } from "./identity.ts";
import type { FunctionSpec } from "./runtime.ts";
import { functionSpec } from "./worker.fake.ts";

test("W2: a worker's id is readable", () => {
  assert.equal(workerId("hello", 12, "gateway"), "hello-12");
});

test("S6: owners have ids of their own, which containerd takes", () => {
  const ids = ["gateway", "line-1", "line-2", "Gateway", "x".repeat(64)].map((owner) =>
    workerId("f".repeat(64), 9999, owner),
  );
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) {
    assert.ok(id.length <= 76);
    assert.match(id, /^f{64}-9999(\.[0-9a-f]{6})?$/);
  }
  assert.equal(workerId("hello", 0, "line-1"), workerId("hello", 0, "line-1"));
});

test("the digest tells specs apart that make different workers, and only those", () => {
  const digest = specDigest(functionSpec({ environment: { A: "1", B: "2" } }));
  assert.match(digest, /^[0-9a-f]{16}$/);
  const same: Partial<FunctionSpec>[] = [{ environment: { B: "2", A: "1" } }, { pullPolicy: "never" }];
  for (const change of same) {
    assert.equal(specDigest(functionSpec({ environment: { A: "1", B: "2" }, ...change })), digest);
  }
  const different: Partial<FunctionSpec>[] = [
    { name: "other" },
    { image: "localhost/hello:2" },
    { command: ["a"] },
    { command: ["a", "b"] },
    { command: ["a b"] },
    { environment: { A: "1" } },
    { memoryBytes: 1 },
    { timeoutMs: 1 },
    { tmpBytes: 1 },
    { handler: "main" },
    { lambdaEndpoint: "http://10.63.0.1:8372" },
  ];
  const digests = different.map((change) => specDigest(functionSpec({ environment: { A: "1", B: "2" }, ...change })));
  assert.equal(new Set([digest, ...digests]).size, different.length + 1);
});
