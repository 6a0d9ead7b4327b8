import assert from "node:assert/strict";
import { test } from "node:test";
import { buildSeccomp } from "./seccomp.ts";
import { allowedSyscalls } from "./syscalls.ts";
import type { OciSeccompRule } from "./types.ts";

const rulesFor = (name: string, architecture: NodeJS.Architecture = "x64"): readonly OciSeccompRule[] =>
  buildSeccomp(architecture).syscalls.filter((rule) => rule.names.includes(name));

test("what is not named is refused", () => {
  assert.equal(buildSeccomp("x64").defaultAction, "SCMP_ACT_ERRNO");
});

/** Ways out of a sandbox, or to change the host: https://docs.docker.com/engine/security/seccomp/ names the reasons. */
const refused = `
  mount umount2 pivot_root chroot move_mount open_tree fsopen fsmount fsconfig fspick mount_setattr unshare setns bpf
  perf_event_open keyctl add_key request_key kexec_load kexec_file_load init_module finit_module delete_module reboot
  swapon swapoff sethostname setdomainname settimeofday clock_settime quotactl acct nfsservctl open_by_handle_at
  name_to_handle_at userfaultfd iopl ioperm process_vm_readv process_vm_writev kcmp pidfd_getfd syslog vhangup
  fanotify_init lookup_dcookie mbind set_mempolicy move_pages io_uring_setup io_uring_enter io_uring_register`;
for (const name of refused.trim().split(/\s+/)) {
  test(`${name} is refused`, () => assert.deepEqual(rulesFor(name), []));
}

for (const name of ["read", "openat", "execve", "futex", "epoll_wait", "mmap", "socketpair", "statx"]) {
  test(`${name} is allowed`, () =>
    assert.deepEqual(
      rulesFor(name).map((rule) => rule.action),
      ["SCMP_ACT_ALLOW"],
    ));
}

test("clone is allowed unless one of its flags makes a namespace", () => {
  const [rule] = rulesFor("clone");
  assert.deepEqual(rule?.args, [{ index: 0, value: 0x7e020000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }]);
});

test("clone3 is said not to exist", () => {
  assert.deepEqual(rulesFor("clone3"), [{ names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 }]);
});

test("sockets are allowed except to the hypervisor", () => {
  assert.deepEqual(
    rulesFor("socket").map((rule) => rule.args),
    [[{ index: 0, value: 40, op: "SCMP_CMP_NE" }]],
  );
});

test("no name stands twice, and none is empty", () => {
  assert.equal(new Set(allowedSyscalls).size, allowedSyscalls.length);
  assert.ok(allowedSyscalls.every((name) => /^[a-z0-9_]+$/.test(name)));
});

const architectures: [NodeJS.Architecture, readonly string[] | undefined, number][] = [
  ["x64", ["SCMP_ARCH_X86_64"], 1],
  ["arm64", ["SCMP_ARCH_AARCH64"], 0],
  ["riscv64", undefined, 0],
];
for (const [architecture, expected, archPrctl] of architectures) {
  test(`${architecture} allows its own instruction set alone`, () => {
    assert.deepEqual(buildSeccomp(architecture).architectures, expected);
    assert.equal(rulesFor("arch_prctl", architecture).length, archPrctl);
  });
}
