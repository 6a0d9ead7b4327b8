import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { identity } from "../workers/worker.fake.ts";
import { fromLabels, ownershipFilter, toLabels } from "./labels.ts";

const belongings = {
  endpoint: { host: "10.63.0.2", port: 8080 },
  attachmentId: "attachment-1",
  driver: "http" as const,
};

test("W2: a worker's labels are readable and say whose it is", () => {
  const labels = toLabels(identity(), belongings);
  assert.equal(labels.created_by, "edge-serverless-box");
  assert.deepEqual(
    [labels["esb.function"], labels["esb.slot"], labels["esb.owner"], labels["esb.image"], labels["esb.endpoint"]],
    ["hello", "0", "gateway", "localhost/hello:1", "10.63.0.2:8080"],
  );
  assert.equal(ownershipFilter, 'labels."created_by"==edge-serverless-box');
});

test("what is written is read back", () => {
  fc.assert(
    fc.property(
      fc.record(
        {
          id: fc.string(),
          function: fc.string(),
          slot: fc.nat(9999),
          owner: fc.string(),
          image: fc.string(),
          instanceId: fc.string(),
          specDigest: fc.string(),
          createdAtMs: fc.nat(),
          memoryBytes: fc.nat(),
          tokenDigest: fc.string(),
        },
        { noNullPrototype: true },
      ),
      fc.constantFrom("10.63.0.2", "127.0.0.1", "fd00::2", "worker.local"),
      fc.integer({ min: 1, max: 65535 }),
      (worker, host, port) => {
        const kept = {
          endpoint: { host, port },
          attachmentId: "a",
          driver: "http" as const,
          sourceAddress: "10.63.0.7",
        };
        assert.deepEqual(fromLabels(worker.id, toLabels(worker, kept)), { identity: worker, belongings: kept });
      },
    ),
  );
});

test("labels that are not ours, or not all of them, are no worker's", () => {
  const labels = toLabels(identity(), belongings);
  assert.equal(fromLabels("a-0", {}), undefined);
  assert.equal(fromLabels("a-0", { ...labels, created_by: "somebody" }), undefined);
  assert.equal(fromLabels("a-0", { ...labels, "esb.endpoint": "nowhere" }), undefined);
  const optional = ["esb.created-at-ms", "esb.memory", "esb.driver"];
  for (const name of Object.keys(labels).filter((label) => !optional.includes(label))) {
    const { [name]: _missing, ...rest } = labels;
    assert.equal(fromLabels("a-0", rest), undefined, name);
  }
});

test("L7: a worker from before these labels has no token and no known address of its own", () => {
  const read = fromLabels("hello-0", toLabels(identity(), belongings));
  assert.deepEqual(read, { identity: identity(), belongings });
});

test("G6: a worker from before the label of its memory counts as the smallest there is", () => {
  const { "esb.memory": _memory, ...former } = toLabels(identity({ memoryBytes: 2 ** 30 }), belongings);
  assert.equal(fromLabels("a-0", former)?.identity.memoryBytes, 128 * 1024 ** 2);
});
