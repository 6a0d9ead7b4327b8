import assert from "node:assert/strict";
import { test } from "node:test";
import { discrepancies, misadmissions } from "./inventory.ts";

const network = ["network namespace", "bridge port", "address", "attachment record"];
const worker = (id: string, n: number) => [
  `container: ${id}`,
  `task: ${id}`,
  `snapshot: ${id}    sha256:0db7 Active   `,
  `shim: ${id}`,
  `bundle: ${id}`,
  `runc state: ${id}`,
  `cgroup: /sys/fs/cgroup/cpu/t1/${id}`,
  `cgroup: /sys/fs/cgroup/freezer/t1/${id}`,
  `log: ${id}.log`,
  ...network.map((kind) => `${kind}: ${n}`),
];
const complete = [...worker("a-0", 1), ...worker("b-1", 2)];

test("chaos: a machine that holds what the workers and the pool need is right", () => {
  assert.deepEqual(discrepancies(["a-0", "b-1"], complete, 0), []);
  assert.deepEqual(discrepancies(["a-0", "b-1"], [...complete, ...network.map((kind) => `${kind}: 3`)], 2), []);
  assert.deepEqual(discrepancies([], [], 2), []);
});

test("chaos: what is left of a worker that is gone is told, kind by kind", () => {
  for (const line of worker("gone-0", 3)) {
    const [told] = discrepancies(["a-0", "b-1"], [...complete, line], 0);
    assert.match(told ?? "", /of no worker: gone-0|: 3 for 2 workers/, line);
  }
});

test("chaos: what a worker lacks is told, kind by kind", () => {
  for (const line of complete.filter((one) => !one.includes("/cpu/"))) {
    const rest = complete.filter((one) => one !== line && !(line.includes("freezer") && one.includes("cgroup")));
    assert.ok(discrepancies(["a-0", "b-1"], rest, 0).length > 0, line);
  }
});

test("chaos: an instance that is admitted without being a worker is told, and the other way round", () => {
  assert.deepEqual(misadmissions(["i-1", "i-2"], ["i-2", "i-1"]), []);
  assert.match(misadmissions(["i-1"], ["i-1", "i-2"]).join(), /of no worker: i-2$/);
  assert.match(misadmissions(["i-1", "i-2"], ["i-1"]).join(), /^worker not admitted .*i-2$/);
});
