import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { command } from "./command.ts";
import { noteRun } from "./runs.ts";

/** Notes a run, makes its network, and waits. */
const program = `
  const { noteRun } = await import(process.argv[1] + "/runs.ts");
  const { createEngineNetwork } = await import(process.argv[1] + "/engine-network.ts");
  const [notes, traces] = [process.argv[2], JSON.parse(process.argv[3])];
  await noteRun(notes, traces, async () => {});
  await createEngineNetwork(traces.network, true);
  console.log("made");
  setInterval(() => {}, 1000);
`;

test("CI: what a killed run left of its engine is removed by the next one, and none shares an engine's images", async () => {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "esb-runs-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const notes = join(folder, "notes");
  const dir = join(folder, "engine");
  await mkdir(dir);
  const traces = { network: `esb-dt${process.pid}`, group: "of-the-killed", dir, data: join(folder, "data") };
  const args = ["--input-type=module", "--eval", program, import.meta.dirname, notes, JSON.stringify(traces)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  stack.defer(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  const found = async () => {
    const rules = await command("iptables-save", []);
    const networks = await command("ip", ["netns", "list"]);
    return [rules.split(traces.network).length - 1, networks.includes(traces.network)];
  };
  assert.deepEqual(await found(), [3, true]);

  const groups: string[] = [];
  const note = () =>
    noteRun(notes, { ...traces, network: `${traces.network}n` }, async (group) => void groups.push(group));
  await assert.rejects(note(), /runs an engine on/);
  assert.deepEqual(await found(), [3, true]);

  child.kill("SIGKILL");
  await ended;
  {
    await using _run = await note();
    assert.deepEqual(await found(), [0, false]);
    assert.deepEqual(groups, [traces.group]);
    await assert.rejects(stat(dir), { code: "ENOENT" });
    assert.deepEqual(await readdir(notes), [`${traces.network}n.json`]);
  }
  assert.deepEqual(await readdir(notes), []);
});
