import assert from "node:assert/strict";
import { test } from "node:test";
import type { FunctionSpec } from "../workers/runtime.ts";
import type { HostLimits } from "./host.ts";
import { buildResources, buildRlimits, cpuResources } from "./resources.ts";

const mebibyte = 1024 ** 2;

const spec: FunctionSpec = {
  name: "hello",
  image: "localhost/hello:1",
  command: [],
  environment: {},
  memoryBytes: 256 * mebibyte,
  timeoutMs: 3000,
  tmpBytes: 512 * mebibyte,
  pullPolicy: "never",
  handler: "",
};

const host: HostLimits = {
  cgroupVersion: 2,
  controllers: new Set(["cpu", "memory", "pids"]),
  swapLimit: true,
  rlimitNofileHard: 1_048_576,
  oomScoreAdj: 0,
  architecture: "x64",
};

const denyAll = [{ allow: false, access: "rwm" }];

const cpuRows = [
  { memory: 1, shares: 2, quota: 1000 },
  { memory: 128, shares: 74, quota: 7236 },
  { memory: 1769, shares: 1024, quota: 100_000 },
  { memory: 3538, shares: 2048, quota: 200_000 },
  { memory: 10_240, shares: 5928, quota: 578_858 },
  { memory: 1_048_576, shares: 262_144, quota: 59_275_071 },
];
for (const row of cpuRows) {
  test(`${row.memory} MiB get ${row.quota / 1000} ms of CPU in 100 ms`, () => {
    assert.deepEqual(cpuResources(row.memory * mebibyte), { shares: row.shares, quota: row.quota, period: 100_000 });
  });
}

test("memory and swap together are the function's memory, processes are counted per worker", () => {
  assert.deepEqual(buildResources(spec, host), {
    devices: denyAll,
    memory: { limit: 256 * mebibyte, swap: 256 * mebibyte },
    cpu: { shares: cpuResources(256 * mebibyte).shares },
    pids: { limit: 1024 },
  });
});

test("without swap accounting the swap limit is left out", () => {
  assert.deepEqual(buildResources(spec, { ...host, swapLimit: false }).memory, { limit: 256 * mebibyte });
});

for (const [missing, key] of [
  ["memory", "memory"],
  ["cpu", "cpu"],
  ["pids", "pids"],
] as const) {
  test(`without the ${missing} controller its limit is left out, the others stay`, () => {
    const controllers = new Set([...host.controllers].filter((name) => name !== missing));
    const resources = buildResources(spec, { ...host, controllers });
    assert.equal(key in resources, false);
    assert.deepEqual(Object.keys(resources).length, 3);
    assert.deepEqual(resources.devices, denyAll);
  });
}

for (const [hard, limit] of [
  [1_048_576, 1024],
  [1024, 1024],
  [512, 512],
] as const) {
  test(`${limit} file descriptors where the host allows ${hard}`, () => {
    assert.deepEqual(buildRlimits({ ...host, rlimitNofileHard: hard }), [
      { type: "RLIMIT_NOFILE", hard: limit, soft: limit },
    ]);
  });
}
