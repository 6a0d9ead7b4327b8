import assert from "node:assert/strict";
import { test } from "node:test";
import { fileStatus } from "./file-status.ts";

const cases: readonly (readonly [what: string, error: string, told: string])[] = [
  ["a mistake", "f.yml:2:30: a.b: unknown key s3cret", "f.yml:2:30: not right; the gateway's log says why"],
  [
    "two mistakes, one of several lines",
    "f.yml:2:1: not valid YAML: s3cret\n  s3cret: 1\nf.yml:4:5: a: s3cret",
    "f.yml:2:1: not right; the gateway's log says why\nf.yml:4:5: not right; the gateway's log says why",
  ],
  ["a file that is not there", "f.yml: cannot be read: ENOENT", "f.yml: cannot be read: ENOENT"],
];
for (const [what, error, told] of cases) {
  test(`G1: in production the state of a file says where it is wrong, not what it says: ${what}`, () => {
    assert.deepEqual(fileStatus({ file: "f.yml", count: 1, error }, false), { file: "f.yml", count: 1, error: told });
    assert.deepEqual(fileStatus({ file: "f.yml", count: 1, error }, true), { file: "f.yml", count: 1, error });
  });
}

test("G1: a file that is right has no error", () => {
  assert.deepEqual(fileStatus({ file: "f.yml", count: 2, error: undefined }, false), { file: "f.yml", count: 2 });
});
