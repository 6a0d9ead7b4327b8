import assert from "node:assert/strict";
import { test } from "node:test";
import { missingPackages, packagesToRun, packagesToTest, type SystemPackage } from "./packages.ts";

const thing: SystemPackage = { name: "thing", why: "", neededBy: "running", shownBy: ["thing", "/opt/thing"] };

test("a package is there when its command is in PATH or in sbin, or its path exists", () => {
  for (const found of ["/a/thing", "/b/thing", "/usr/sbin/thing", "/opt/thing"]) {
    assert.deepEqual(
      missingPackages([thing], "/a:/b", (path) => path === found),
      [],
    );
  }
  assert.deepEqual(
    missingPackages([thing], "/a:/b", (path) => path === "/c/thing"),
    [thing],
  );
});

test("what is needed to run is needed to test", () => {
  const names = new Set(packagesToTest.map((item) => item.name));
  assert.ok(packagesToRun.every((item) => names.has(item.name)));
  assert.equal(names.size, packagesToTest.length);
});
