import assert from "node:assert/strict";
import { appendFile, cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { importBases } from "../support/docker/bases.ts";
import { type DockerEngine, removeCgroups, startEngine } from "../support/docker/engine.ts";
import { patienceMs, until } from "../support/process.ts";

const root = join(import.meta.dirname, "../..");
/** Also the name of its control groups, on a machine that may have others. */
const namespace = `esb-d${process.pid}`;
const settings = { ESB_NAMESPACE: namespace };

test("D2: compose.yaml runs this folder's code on the machine's containerd, and anew when it changes", async () => {
  await using stack = new AsyncDisposableStack();
  stack.defer(() => removeCgroups(namespace));
  const engine = stack.use(await startEngine());
  await importBases(engine);
  await engine.build(["compose", "--file", join(root, "deploy/compose.yaml"), "build"]);
  await startMachinesContainerd(engine);
  const work = await copyOfCode(engine.dir);
  const compose = (...args: string[]) =>
    engine.docker(["compose", "--file", join(work, "deploy/compose.yaml"), ...args], settings);
  stack.defer(async () => void (await compose("down", "--volumes")));
  await compose("up", "--detach", "--no-build");
  await compose("wait", "example");

  const greet = async () => JSON.parse(await engine.inside("node", "-e", request)).worker.startedAt as string;
  const words = async (error: unknown) => `${error}\n${await compose("logs", "--tail", "20")}`;
  await until(greet, 60_000, words);
  const worker = await greet();
  assert.match(await engine.inside("ctr", "-n", namespace, "tasks", "ls"), /^hello-0\s+\d+\s+(RUNNING|PAUSED)/m);

  for (const [service, sentence] of [
    ["gateway", "gateway listens"],
    ["agent", "listening"],
  ] as const) {
    const starts = async () => (await compose("logs", service)).split(`"${sentence}"`).length;
    const before = await starts();
    await appendFile(join(work, service, "main.ts"), "// changed\n");
    await until(async () => assert.ok((await starts()) > before), patienceMs, words);
    await until(async () => assert.equal(await greet(), worker), patienceMs, words);
  }
});

/** For Node of any version. */
const request = `
  const request = require("node:http").get("http://127.0.0.1:8080/hello", (answer) => answer.pipe(process.stdout));
  request.on("error", (error) => { console.error(error.message); process.exitCode = 1; });
`;

async function startMachinesContainerd(engine: DockerEngine): Promise<void> {
  const config = join(engine.dir, "containerd.toml");
  const place = `version = 2\nroot = "${engine.dir}/containerd"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n`;
  await writeFile(config, place);
  await engine.inside(
    "sh",
    "-c",
    `setsid containerd --config ${config} >${engine.dir}/containerd.log 2>&1 </dev/null &`,
  );
  await until(() => engine.inside("ctr", "version"), patienceMs);
}

async function copyOfCode(dir: string): Promise<string> {
  const work = join(dir, "work");
  await mkdir(work);
  for (const name of ["agent", "gateway", "common", "proto", "cni", "deploy"]) {
    await cp(join(root, name), join(work, name), { recursive: true });
  }
  return work;
}
