import { allowedCalls, callNumbers } from "./system-calls.ts";
import { type ServiceSection, wordsOf } from "./unit.ts";

/** linux/audit.h */
const architectures: Readonly<Record<string, number>> = { x64: 0xc000003e, arm64: 0xc00000b7 };
/** linux/seccomp.h, errno.h */
const allow = 0x7fff0000;
const errno = (number: number) => 0x00050000 | number;
const [EPERM, ENOSYS, EAFNOSUPPORT] = [1, 38, 97];
/** linux/sched.h */
const namespaces: Readonly<Record<string, number>> = {
  mnt: 0x00020000,
  cgroup: 0x02000000,
  uts: 0x04000000,
  ipc: 0x08000000,
  user: 0x10000000,
  pid: 0x20000000,
  net: 0x40000000,
};
/** linux/socket.h */
const families: Readonly<Record<string, number>> = {
  AF_UNIX: 1,
  AF_INET: 2,
  AF_INET6: 10,
  AF_NETLINK: 16,
  AF_PACKET: 17,
};

/** linux/bpf_common.h: load a word of struct seccomp_data; jump if equal, if any bit is set; return. */
const load = (offset: number) => instruction(0x20, 0, 0, offset);
const unlessEqual = (value: number, skip: number) => instruction(0x15, 0, skip, value);
const skipIfEqual = (value: number, skip: number) => instruction(0x15, skip, 0, value);
const unlessAny = (bits: number, skip: number) => instruction(0x45, 0, skip, bits);
const give = (result: number) => instruction(0x06, 0, 0, result);
const [numberAt, architectureAt, firstArgumentAt, secondArgumentAt] = [0, 4, 16, 24];

/**
 * The seccomp filter (a BPF program) that SystemCallFilter=, RestrictAddressFamilies= and RestrictNamespaces= of a unit
 * ask for, after systemd.exec(5): a call that is refused gets EPERM.
 */
export async function seccompFilter(service: ServiceSection): Promise<Buffer> {
  const numbers = await callNumbers();
  const number = (name: string) => numbers.get(name) ?? -1;
  const program = [
    load(architectureAt),
    // SystemCallArchitectures=native.
    skipIfEqual(architectures[process.arch] ?? 0, 1),
    give(errno(EPERM)),
    load(numberAt),
  ];
  program.push(
    ...when(number("socket"), [
      load(firstArgumentAt),
      ...wordsOf(service, "RestrictAddressFamilies").flatMap((name) => [
        unlessEqual(families[name] ?? -1, 1),
        give(allow),
      ]),
      give(errno(EAFNOSUPPORT)),
    ]),
  );
  const denied = deniedNamespaces(wordsOf(service, "RestrictNamespaces"));
  for (const [call, at] of [
    ["unshare", firstArgumentAt],
    ["clone", firstArgumentAt],
    ["setns", secondArgumentAt],
  ] as const) {
    program.push(...when(number(call), [load(at), unlessAny(denied, 1), give(errno(EPERM)), load(numberAt)]));
  }
  // Its flags are in memory, where a filter cannot look; the C library takes clone instead.
  program.push(...when(number("clone3"), [give(errno(ENOSYS))]));
  for (const name of await allowedCalls(service)) {
    if (numbers.has(name)) program.push(...when(number(name), [give(allow)]));
  }
  return Buffer.concat([...program, give(errno(EPERM))]);
}

/** `yes` stands for all. */
function deniedNamespaces(words: readonly string[]): number {
  return Object.entries(namespaces)
    .filter(([name]) => !words.includes(name))
    .reduce((bits, [, bit]) => bits | bit, 0);
}

function when(number: number, body: readonly Buffer[]): Buffer[] {
  return [unlessEqual(number, body.length), ...body];
}

/** struct sock_filter */
function instruction(code: number, jumpTrue: number, jumpFalse: number, value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(jumpTrue, 2);
  bytes.writeUInt8(jumpFalse, 3);
  bytes.writeUInt32LE(value >>> 0, 4);
  return bytes;
}
