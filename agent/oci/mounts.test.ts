import assert from "node:assert/strict";
import { test } from "node:test";
import { buildMounts, type TmpSource } from "./mounts.ts";

const mountsWith = (tmp: TmpSource) =>
  buildMounts({
    tmp,
    tmpBytes: 536_870_912,
    user: { uid: 993, gid: 990, additionalGids: [] },
    resolvConfPath: "/run/esb/net/1/resolv.conf",
    hostsPath: "/run/esb/net/1/hosts",
  });

/** Mounts whose files the kernel makes up: what can be written there is not storage. */
const kernelOwn = ["proc", "devpts"];

test("nothing but /tmp can be written", () => {
  const writable = mountsWith({ kind: "tmpfs" }).filter(
    (mount) => !mount.options.includes("ro") && !kernelOwn.includes(mount.type),
  );
  assert.deepEqual(
    writable.map((mount) => mount.destination),
    ["/tmp"],
  );
});

test("no mount honours set-user-id files, and only /dev has devices", () => {
  for (const mount of mountsWith({ kind: "tmpfs" })) {
    assert.ok(mount.options.includes("nosuid"), mount.destination);
    assert.ok(mount.options.includes("nodev") || mount.destination.startsWith("/dev"), mount.destination);
  }
});

const tmpRows: { source: TmpSource; type: string; from: string; options: string[] }[] = [
  {
    source: { kind: "tmpfs" },
    type: "tmpfs",
    from: "tmpfs",
    options: ["nosuid", "nodev", "mode=1777", "uid=993", "gid=990", "size=536870912"],
  },
  {
    source: { kind: "ext4", device: "/dev/loop3" },
    type: "ext4",
    from: "/dev/loop3",
    options: ["nosuid", "nodev", "noatime", "discard"],
  },
  {
    source: { kind: "bind", source: "/var/lib/esb/tmp/1" },
    type: "bind",
    from: "/var/lib/esb/tmp/1",
    options: ["bind", "rw", "nosuid", "nodev"],
  },
];
for (const row of tmpRows) {
  test(`/tmp as ${row.source.kind}`, () => {
    assert.deepEqual(
      mountsWith(row.source).filter((mount) => mount.destination === "/tmp"),
      [{ destination: "/tmp", type: row.type, source: row.from, options: row.options }],
    );
  });
}

test("name resolution is the network's, read-only", () => {
  const sources = mountsWith({ kind: "tmpfs" })
    .filter((mount) => mount.destination.startsWith("/etc/") && mount.options.includes("ro"))
    .map((mount) => [mount.destination, mount.source]);
  assert.deepEqual(sources, [
    ["/etc/resolv.conf", "/run/esb/net/1/resolv.conf"],
    ["/etc/hosts", "/run/esb/net/1/hosts"],
  ]);
});
