import assert from "node:assert/strict";
import { test } from "node:test";
import { Options as RuncOptions } from "../../proto/gen/containerd/runc/v1/options.ts";
import { Options as OtherOptions } from "../../proto/gen/containerd/runtimeoptions/v1/api.ts";
import { encodeRuntimeOptions } from "./runtime-options.ts";

test("nothing is told when nothing is set", () => {
  assert.equal(encodeRuntimeOptions("io.containerd.runc.v2", {}), undefined);
});

test("W11: runc's shim is told runc's options, by containerd's names", () => {
  const any = encodeRuntimeOptions("io.containerd.runc.v2", { binary_name: "crun", systemd_cgroup: true });
  assert.equal(any?.typeUrl, "containerd.runc.v1.Options");
  const { binaryName, systemdCgroup } = RuncOptions.decode(any?.value ?? new Uint8Array());
  assert.deepEqual([binaryName, systemdCgroup], ["crun", true]);
});

test("another runtime's shim is told its configuration file", () => {
  const any = encodeRuntimeOptions("io.containerd.runsc.v1", { config_path: "/etc/runsc.toml" });
  assert.equal(any?.typeUrl, "runtimeoptions.v1.Options");
  assert.equal(OtherOptions.decode(any?.value ?? new Uint8Array()).configPath, "/etc/runsc.toml");
});

test("an option that the runtime does not know, or of another type, is refused by name", () => {
  for (const [runtime, options] of [
    ["io.containerd.runc.v2", { config_path: "/a" }],
    ["io.containerd.runc.v2", { systemd_cgroup: "yes" }],
    ["io.containerd.kata.v2", { binary_name: "crun" }],
    ["io.containerd.runc.v2", { __proto_: 1 }],
  ] as const) {
    const [name] = Object.keys(options);
    assert.throws(() => encodeRuntimeOptions(runtime, options), new RegExp(`${name}=.* is no option of ${runtime}`));
  }
});
