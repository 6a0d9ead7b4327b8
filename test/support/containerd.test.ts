import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { startContainerd } from "./containerd.ts";

test("a private containerd answers, keeps its state over a crash, and is gone afterwards", async () => {
  let dir: string;
  {
    await using containerd = await startContainerd();
    dir = containerd.dir;
    assert.match(await containerd.ctr("version"), /Server:\n\s+Version:/);
    await containerd.ctr("namespaces", "create", "esb-test-support");
    const pid = containerd.pid;
    await containerd.kill();
    assert.equal(containerd.pid, undefined);
    await assert.rejects(containerd.ctr("version"));
    await containerd.start();
    assert.notEqual(containerd.pid, pid);
    assert.match(await containerd.ctr("namespaces", "ls", "-q"), /esb-test-support/);
    await containerd.restart();
    assert.match(await containerd.ctr("namespaces", "ls", "-q"), /esb-test-support/);
  }
  assert.equal(existsSync(dir), false);
});

test("a containerd that cannot start says what it logged and leaves no folder", async () => {
  await assert.rejects(startContainerd({ binary: "/bin/false" }), /containerd did not start/);
});
