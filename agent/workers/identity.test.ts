import assert from "node:assert/strict";
import { test } from "node:test";
import { specDigest, workerId } from "./identity.ts";
import type { FunctionSpec } from "./runtime.ts";
import { functionSpec } from "./worker.fake.ts";

test("a worker's id is readable", () => {
  assert.equal(workerId("hello", 12), "hello-12");
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
  ];
  const digests = different.map((change) => specDigest(functionSpec({ environment: { A: "1", B: "2" }, ...change })));
  assert.equal(new Set([digest, ...digests]).size, different.length + 1);
});
