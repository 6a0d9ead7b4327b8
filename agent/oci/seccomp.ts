import type { HostArchitecture } from "./host.ts";
import { allowedSyscalls } from "./syscalls.ts";
import type { OciSeccomp, OciSeccompRule } from "./types.ts";

/** Flags of clone(2) that make a namespace: mnt, cgroup, uts, ipc, user, pid and net. */
const namespaceFlags = 0x7e020000;
const ENOSYS = 38;
const AF_VSOCK = 40;
/** PER_LINUX, PER_LINUX32, both with UNAME26, and the query for the present one. */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

const nativeArchitecture: Partial<Record<HostArchitecture, string>> = {
  x64: "SCMP_ARCH_X86_64",
  arm64: "SCMP_ARCH_AARCH64",
};

const onlyOn: Partial<Record<HostArchitecture, readonly string[]>> = { x64: ["arch_prctl"] };

/**
 * containerd's default profile for a process without capabilities, and somewhat less: no io_uring (as in its newer
 * releases), and only the native instruction set, since Lambda runs only 64-bit code and a filter for three sets
 * takes longer to compile.
 *
 * What is not allowed fails with EPERM; so do programs that ask for a new namespace. clone3 fails with ENOSYS
 * instead: its flags are out of a filter's sight, and C libraries then fall back on clone.
 */
export function buildSeccomp(architecture: HostArchitecture): OciSeccomp {
  const native = nativeArchitecture[architecture];
  const names = [...allowedSyscalls, ...(onlyOn[architecture] ?? [])];
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    ...(native !== undefined && { architectures: [native] }),
    syscalls: [
      { names, action: "SCMP_ACT_ALLOW" },
      ...personalities.map(
        (value): OciSeccompRule => ({
          names: ["personality"],
          action: "SCMP_ACT_ALLOW",
          args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
        }),
      ),
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: namespaceFlags, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
      // Virtual machines reach their host by vsock: a worker must not.
      { names: ["socket"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: AF_VSOCK, op: "SCMP_CMP_NE" }] },
    ],
  };
}
