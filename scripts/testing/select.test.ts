import assert from "node:assert/strict";
import { test } from "node:test";
import { select } from "./select.ts";

const files = ["test/integration/b.test.ts", "agent/a.test.ts", "test/support/c.test.ts", "gateway/b.test.ts"];

const table: readonly [args: string[], unit: string[], integration: string[]][] = [
  [[], ["agent/a", "gateway/b"], ["test/integration/b", "test/support/c"]],
  [["unit"], ["agent/a", "gateway/b"], []],
  [["integration"], [], ["test/integration/b", "test/support/c"]],
  [["gateway"], ["gateway/b"], []],
  [["unit", "/b"], ["gateway/b"], []],
  [["/b.test"], ["gateway/b"], ["test/integration/b"]],
];

for (const [args, unit, integration] of table) {
  test(`the arguments "${args.join(" ")}" select what they name`, () => {
    const full = (names: string[]) => names.map((name) => `/root/${name}.test.ts`);
    const all = args.length === 0;
    assert.deepEqual(select(files, args, "/root"), { unit: full(unit), integration: full(integration), all });
  });
}

test("arguments that match nothing are a mistake", () => {
  assert.throws(() => select(files, ["nothing"], "/root"), /no test file matches nothing/);
});
