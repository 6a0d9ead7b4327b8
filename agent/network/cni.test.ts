import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createCni } from "./cni.ts";
import { pluginError, readResult } from "./cni-result.ts";
import type { CommandOptions, CommandOutcome } from "./commands.ts";

const list = { cniVersion: "0.4.0" as const, name: "lab", plugins: [{ type: "first" }, { type: "second", speed: 9 }] };
const never = new AbortController().signal;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "esb-cni-"));
  for (const name of ["first", "second"]) {
    await writeFile(join(folder, name), "");
    await chmod(join(folder, name), 0o755);
  }
});
after(() => rm(folder, { recursive: true }));

/** A machine whose plugins answer as `answer` says; what they were asked is kept. */
function fakePlugins(answer: (plugin: string) => Partial<CommandOutcome>) {
  const calls: { plugin: string; config: Record<string, unknown>; environment: CommandOptions["environment"] }[] = [];
  const cni = createCni(
    async (file, _, options) => {
      const plugin = file.slice(folder.length + 1);
      calls.push({ plugin, config: JSON.parse(options?.input ?? ""), environment: options?.environment });
      return { exitCode: 0, stdout: "", stderr: "", ...answer(plugin) };
    },
    ["/nowhere", folder],
  );
  return { cni, calls };
}

test("ADD gives each plugin the result of the one before", async () => {
  const { cni, calls } = fakePlugins((plugin) => ({ stdout: JSON.stringify({ by: plugin }) }));
  assert.deepEqual(await cni.add(list, "lab-1", "/run/netns/lab-1", never), { by: "second" });
  assert.deepEqual(
    calls.map((call) => call.config),
    [
      { type: "first", cniVersion: "0.4.0", name: "lab" },
      { type: "second", speed: 9, cniVersion: "0.4.0", name: "lab", prevResult: { by: "first" } },
    ],
  );
  assert.deepEqual(calls[0]?.environment, {
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: "lab-1",
    CNI_NETNS: "/run/netns/lab-1",
    CNI_IFNAME: "eth0",
    CNI_PATH: `/nowhere:${folder}`,
  });
});

test("ADD stops at the first plugin that fails", async () => {
  const { cni, calls } = fakePlugins(() => ({ exitCode: 1, stdout: '{"code":7,"msg":"bad"}' }));
  await assert.rejects(cni.add(list, "lab-1", "/ns", never), { message: "CNI plugin first failed in ADD: bad" });
  assert.equal(calls.length, 1);
});

test("an answer that is no JSON is an error with the answer in it", async () => {
  const { cni } = fakePlugins(() => ({ stdout: "hello" }));
  await assert.rejects(cni.add(list, "lab-1", "/ns", never), { code: "NETWORK_FAILED", message: /first.*hello/ });
});

test("DEL asks every plugin, the last first, with ADD's result, whoever fails", async () => {
  const { cni, calls } = fakePlugins((plugin) => (plugin === "second" ? { exitCode: 1, stderr: "stuck" } : {}));
  await assert.rejects(cni.del({ list, id: "lab-1", result: { ips: [] } }), { message: /second failed in DEL.*stuck/ });
  assert.deepEqual(
    calls.map((call) => [call.plugin, call.config.prevResult, call.environment?.CNI_NETNS]),
    [
      ["second", { ips: [] }, ""],
      ["first", { ips: [] }, ""],
    ],
  );
});

test("a full range is told apart from other failures, in ADD only", () => {
  const answer = '{"code":999,"msg":"failed to allocate for range 0: no IP addresses available in range set: a-b"}';
  assert.equal(pluginError("bridge", "ADD", answer, "").code, "NETWORK_EXHAUSTED");
  assert.equal(pluginError("bridge", "DEL", answer, "").code, "NETWORK_FAILED");
});

for (const [stdout, stderr, expected] of [
  ["", "", "CNI plugin x failed in ADD: without a word"],
  ["panic", "trace", "CNI plugin x failed in ADD: panic; on standard error: trace"],
  ['{"code":1,"msg":"m","details":"d"}', "", "CNI plugin x failed in ADD: m: d"],
] as const) {
  test(`a plugin's words: ${expected}`, () => {
    assert.equal(pluginError("x", "ADD", stdout, stderr).message, expected);
  });
}

test("a result names the address and both ends of the link, in 0.4.0 and in 1.0.0", () => {
  const interfaces = [
    { name: "lab0", mac: "02:00:00:00:00:01" },
    { name: "veth1", mac: "02:00:00:00:00:02" },
    { name: "eth0", mac: "02:00:00:00:00:03", sandbox: "/run/netns/x" },
  ];
  const expected = { address: "10.9.0.2", hardwareAddress: "02:00:00:00:00:03", hostInterface: "veth1" };
  assert.deepEqual(readResult({ interfaces, ips: [{ address: "10.9.0.2/24" }] }, "lab0"), expected);
  const both = [{ address: "fd00::2/64" }, { version: "4", interface: 2, address: "10.9.0.2/24" }];
  assert.deepEqual(readResult({ interfaces, ips: both }, "lab0"), expected);
});

for (const result of [undefined, {}, { ips: [] }, { ips: [{ address: "fd00::2/64" }] }, { ips: "no" }]) {
  test(`a result without an IPv4 address is refused: ${JSON.stringify(result)}`, () => {
    assert.throws(() => readResult(result, "lab0"), { code: "NETWORK_FAILED" });
  });
}
