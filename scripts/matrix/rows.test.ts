import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { chooseRows, countsOf, rows, withUnifiedCgroups } from "./rows.ts";

test("rows are chosen by name, and a wrong name is told with the right ones", () => {
  assert.equal(chooseRows(undefined), rows);
  assert.deepEqual(
    chooseRows("2.x,1.7").map((row) => row.suite),
    ["sid", "trixie"],
  );
  assert.throws(() => chooseRows("3.0"), /3\.0 is none of installed, 1\.7/);
});

test("the counts are on the last line", () => {
  assert.equal(countsOf("x\n3 passed, 1 failed, 0 skipped\n"), "3 passed, 1 failed, 0 skipped");
  assert.equal(countsOf("3 passed, 1 failed, 0 skipped\nError: x\n"), undefined);
});

test("the command sees only the unified hierarchy", { skip: process.getuid?.() !== 0 && "needs root" }, () => {
  const [file = "", ...args] = withUnifiedCgroups(["stat", "--file-system", "--format", "%T", "/sys/fs/cgroup"]);
  assert.equal(execFileSync(file, args, { encoding: "utf8" }).trim(), "cgroup2fs");
});
