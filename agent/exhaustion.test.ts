import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentError } from "./errors.ts";
import { asHostExhausted } from "./exhaustion.ts";

const dir = "/var/lib/esb";

/** All of them words that were seen, on a machine that had really run out of it. */
const seen: [resource: string, words: string][] = [
  [
    "disk space",
    `CNI plugin bridge failed in ADD: failed to allocate for range 0: write ${dir}/network/ipam/esb/10.63.0.3: no space left on device`,
  ],
  ["disk space", `ENOSPC: no space left on device, write`],
  ["disk space", `ENOSPC: no space left on device, open '${dir}/network/a.json.tmp'`],
  [
    "disk space",
    "preparing the snapshot of a-0: failed to create prepare snapshot dir: failed to create temp dir: mkdir /x/new-1: no space left on device",
  ],
  ["disk space", "write /x/meta.db: no space left on device"],
  ["disk space", "database or disk is full"],
  ["file descriptors", "cannot run ip (spawn ip EMFILE)"],
  ["file descriptors", "connect EMFILE 10.63.0.2:8080 - Local (undefined:undefined)"],
  [
    "file descriptors",
    "worker a-0 could not be started: failed to start shim: start failed: open shim log pipe: open /proc/self/fd/16: too many open files",
  ],
  ["file descriptors", "pipe2: too many open files in system"],
  ["processes or threads", "cannot run ip (spawn ip EAGAIN)"],
  ["processes or threads", 'ip netns add a; netns exec a sh -c "…": fork: Resource temporarily unavailable'],
  [
    "processes or threads",
    "worker a-0 could not be started: failed to start shim: start failed: : fork/exec /usr/bin/containerd-shim-runc-v2: resource temporarily unavailable",
  ],
  [
    "processes or threads",
    "CNI plugin bridge failed in ADD: without a word; on standard error: runtime/cgo: pthread_create failed: Resource temporarily unavailable\nSIGABRT: abort\nPC=0x7f59affa8eec",
  ],
  [
    "processes or threads",
    'CNI plugin bridge failed in ADD: netplugin failed: "runtime/cgo: pthread_create failed: Resource temporarily unavailable\\nSIGABRT: abort\\nPC=0x0',
  ],
  [
    "memory",
    "worker a-0 could not be started: OCI runtime create failed: runc create failed: unable to start container process: container init was OOM-killed (memory limit too low?)",
  ],
  ["memory", "failed to start shim: fork/exec /usr/bin/containerd-shim-runc-v2: cannot allocate memory"],
  ["memory", "spawn ip ENOMEM"],
  ["ports or network buffers", "connect EADDRNOTAVAIL 10.63.0.2:8080"],
];

test("exhaustion: what the machine has run out of is named, in the words of whoever noticed", () => {
  for (const [resource, words] of seen) {
    const told = asHostExhausted(new AgentError("WORKER_START_FAILED", words));
    assert.equal(told?.code, "HOST_EXHAUSTED", words);
    assert.ok(told.message.startsWith(`the host has no ${resource} left: `), `${words}: ${told.message}`);
    assert.ok(told.message.length < 600 && !told.message.includes("\n") && !told.message.includes("PC="));
  }
});

test("exhaustion: what only looks like it is left as it is", () => {
  for (const words of [
    'worker a-0 could not be started: exec: "/nope": stat /nope: no such file or directory',
    "read unix @->/run/containerd.sock: resource temporarily unavailable",
    "worker a-0 went over its memory limit before it listened on its port",
    "failed to allocate for range 0: no IP addresses available in range set: 10.63.0.1-10.63.0.6",
    "nothing listened on port 8080 within 3000 ms of the start",
    "there is no worker ENFILES-0",
  ]) {
    assert.equal(asHostExhausted(new Error(words)), undefined, words);
  }
  assert.equal(asHostExhausted("no space left on device"), undefined);
});

test("exhaustion: it is found beneath what was made of it", () => {
  const cause = new Error("write: no space left on device");
  assert.equal(asHostExhausted(new Error("saving", { cause }))?.code, "HOST_EXHAUSTED");
  const both = new AggregateError([new Error("first"), cause], "the work failed, and so did cleaning up behind it");
  const error = new AgentError("INTERNAL", "internal error", { cause: both });
  const told = asHostExhausted(error);
  assert.match(told?.message ?? "", /^the host has no disk space left: write: no space left on device; make room/);
  assert.equal(told?.cause, error);
});
