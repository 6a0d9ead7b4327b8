import assert from "node:assert/strict";
import { test } from "node:test";
import { cgroupSetup, knowsFileSystem, missingCapabilities } from "./kernel.ts";

test("capabilities that are missing are named", () => {
  assert.deepEqual(missingCapabilities("Name:\tx\nCapEff:\t000001ffffffffff\n"), []);
  const dockerDefault = "CapEff:\t00000000a80425fb\n";
  assert.deepEqual(missingCapabilities(dockerDefault), ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"]);
});

test("a unified hierarchy at the root is version 2, with its controllers", () => {
  const mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
  assert.deepEqual(cgroupSetup(mounts, "cpuset cpu memory pids\n"), {
    version: 2,
    controllers: ["cpuset", "cpu", "memory", "pids"],
  });
});

test("a unified hierarchy beside the old ones is version 1", () => {
  const mounts = [
    "tmpfs /sys/fs/cgroup tmpfs rw 0 0",
    "cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0",
    "cgroup /sys/fs/cgroup/freezer cgroup rw,freezer 0 0",
    "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0",
  ].join("\n");
  assert.deepEqual(cgroupSetup(mounts, undefined), { version: 1, controllers: ["cpu", "cpuacct", "freezer"] });
});

test("a unified hierarchy that is mounted over the old ones counts", () => {
  const mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
  assert.equal(cgroupSetup(mounts, "").version, 2);
});

test("no cgroups at all", () => {
  assert.deepEqual(cgroupSetup("proc /proc proc rw 0 0\n", undefined), { version: undefined });
});

test("a file system is known by its whole name", () => {
  assert.equal(knowsFileSystem("nodev\tsysfs\nnodev\toverlay\n\text4\n", "overlay"), true);
  assert.equal(knowsFileSystem("nodev\toverlayfs2\n", "overlay"), false);
});
