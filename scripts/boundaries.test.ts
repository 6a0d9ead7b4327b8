import assert from "node:assert/strict";
import { test } from "node:test";
import { crossings } from "./boundaries.ts";

const table: readonly [file: string, source: string, crossed: boolean][] = [
  ["gateway/a.ts", 'import { x } from "../agent/errors.ts";', true],
  ["gateway/agent/client.ts", 'import type { X } from "../../agent/errors.ts";', true],
  ["gateway/a.ts", 'import { x } from "./agent/client.ts";', false],
  ["gateway/a.ts", 'import { x } from "../common/logger.ts";', false],
  ["gateway/a.ts", 'import { x } from "../proto/gen/esb/agent/v1/agent.ts";', false],
  ["agent/main.ts", 'const x = await import("../gateway/main.ts");', true],
  ["agent/main.ts", 'export * from "../gateway/main.ts";', true],
  ["agent/main.ts", 'import "../gateway/main.ts";', true],
  ["agent/main.ts", 'import { start } from "./containerd/runtime.ts";', false],
  ["agent/workers/ensure.ts", 'import {\n  x,\n} from "../containerd/client.ts";', true],
  ["agent/workers/ensure.ts", 'import { AgentError } from "../errors.ts";', false],
  ["agent/workers/ensure.test.ts", 'import { x } from "../../test/support/x.ts";', false],
  ["agent/main.ts", 'import { x } from "../test/support/x.ts";', true],
  ["gateway/testing/x.ts", 'import { x } from "../../test/support/x.ts";', false],
];

for (const [file, source, crossed] of table) {
  test(`${file}: ${source.replaceAll("\n", " ")} ${crossed ? "crosses a boundary" : "is allowed"}`, () => {
    assert.equal(crossings(file, source).length > 0, crossed);
  });
}
