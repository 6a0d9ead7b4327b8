import assert from "node:assert/strict";
import { test } from "node:test";
import { invocationTraceId } from "./trace-id.ts";

const requestId = "57f231fb-1730-4395-85cb-4f71bd2b87b8";
const epochMs = 0x5d02e5ca * 1000 + 999;
const made = "Root=1-5d02e5ca-57f231fb1730439585cb4f71";
const root = "Root=1-5e1b4151-5ac6c58f40ac1f1a5b5b1a2e";
const own = "Parent=85cb4f71bd2b87b8";

const cases: [given: string | undefined, expected: string][] = [
  [undefined, `${made};${own};Sampled=0`],
  ["", `${made};${own};Sampled=0`],
  ["Root=1", `${made};${own};Sampled=0`],
  [root, `${root};${own};Sampled=0`],
  [`${root};Sampled=1`, `${root};Sampled=1;${own}`],
  [`${root};Parent=53995c3f42cd8ad8;Sampled=1`, `${root};Parent=53995c3f42cd8ad8;Sampled=1`],
  [
    `Self=1-67891234-12456789abcdef012345678;${root}`,
    `Self=1-67891234-12456789abcdef012345678;${root};${own};Sampled=0`,
  ],
];
for (const [given, expected] of cases) {
  test(`L1: the trace id of an invocation: ${given}`, () => {
    assert.equal(invocationTraceId(given, requestId, epochMs), expected);
  });
}
