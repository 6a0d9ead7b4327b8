import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { newSince, takeSnapshot } from "../support/leaks.ts";

const root = join(import.meta.dirname, "../..");
const started = /esb is up: http/;

test("up shows cold, frozen, thawed and warm; comes up again after a crash of all parts; down leaves nothing", async () => {
  await using machine = await newMachine();
  const first = await machine.run("up", "--detach");
  assert.equal(first.code, 0, first.output);
  for (const kind of [/^cold .*\(ms: .*create/m, /^frozen .*hello-0 \d+ PAUSED/m, /^thawed /m, /^warm /m, started]) {
    assert.match(first.output, kind);
  }
  assert.match(await machine.invoke(), /"message":"hello, somebody".*"invocations":5/);

  const all = ["gateway", "agent", "runtime-api", "containerd"];
  for (const name of all) process.kill(await machine.pid(name), "SIGKILL");
  const second = await machine.run("up", "--detach");
  assert.equal(second.code, 0, second.output);
  assert.match(second.output, /^cold /m);

  for (const name of ["gateway", "agent", "containerd"]) process.kill(await machine.pid(name), "SIGKILL");
  const down = await machine.run("down");
  assert.equal(down.code, 0, down.output);
  assert.match(down.output, /esb is down/);
  assert.deepEqual(await machine.left(), []);

  assert.equal(existsSync(machine.stateDir), true);
  assert.match((await machine.run("down")).output, /esb was not running/);
  assert.match((await machine.run("down", "--purge")).output, /esb is down/);
  assert.equal(existsSync(machine.stateDir), false);
});

test("Ctrl-C ends what up started", async () => {
  await using machine = await newMachine();
  const up = await machine.run("up", (output, kill) => {
    if (output.includes("Ctrl-C stops it.")) kill("SIGINT");
  });
  assert.equal(up.code, 0, up.output);
  assert.match(up.output, started);
  assert.deepEqual(await machine.left(), []);
});

test("L3: when the process that serves the Runtime API ends by itself, up says so and ends the rest", async () => {
  await using machine = await newMachine();
  let killed: Promise<unknown> | undefined;
  const up = await machine.run("up", (output) => {
    if (!output.includes("Ctrl-C stops it.")) return;
    killed ??= machine.pid("runtime-api").then((pid) => process.kill(pid, "SIGKILL"));
  });
  await killed;
  assert.equal(up.code, 1, up.output);
  assert.match(up.output, /^the runtime-api has ended:\n\{.*"msg":"listening"\}$/m);
  assert.deepEqual(await machine.left(), []);
});

test("a wrong setting is told with its value, a port that is taken with what to do; nothing is started", async () => {
  await using machine = await newMachine();
  const wrong = await machine.run("up", { ESB_GATEWAY_PORT: "many" });
  assert.equal(wrong.code, 1);
  assert.match(wrong.output, /^ESB_GATEWAY_PORT=many: /);
  assert.doesNotMatch(wrong.output, /\n\s+at /);

  const server = createServer().listen(machine.gatewayPort, "127.0.0.1");
  const taken = await machine.run("up", "--detach");
  server.close();
  assert.equal(taken.code, 1);
  assert.match(taken.output, /WRONG {2}gateway port .*EADDRINUSE\n.*ESB_GATEWAY_PORT/);
  assert.equal(existsSync(machine.runDir), false);
});

type OnOutput = (output: string, kill: (signal: NodeJS.Signals) => void) => void;
type Argument = string | NodeJS.ProcessEnv | OnOutput;

/** A place to run up and down in: its own ports, folders, network and containerd. */
async function newMachine() {
  const before = await takeSnapshot();
  const folder = await mkdtemp(join(tmpdir(), "esb-test-"));
  const gatewayPort = 21_000 + (process.pid % 2000) * 2;
  const mark = `u${process.pid}`;
  const [stateDir, runDir] = [join(folder, "state"), join(folder, "run")];
  const environment = {
    ...process.env,
    ESB_GATEWAY_PORT: String(gatewayPort),
    ESB_AGENT_ADDRESS: `127.0.0.1:${gatewayPort + 1}`,
    ESB_NAMESPACE: `esb-test-${mark}`,
    ESB_STATE_DIR: stateDir,
    ESB_RUN_DIR: runDir,
    ESB_CONTAINERD_ADDRESS: join(runDir, "containerd.sock"),
    LAMBDA_NETWORK: mark,
    ESB_SUBNET: `10.199.${process.pid % 256}.0/24`,
    PATH: `${process.env.ESB_TEST_CONTAINERD_BIN ?? ""}:${process.env.PATH ?? ""}`,
  };
  const run = async (script: "up" | "down", ...args: Argument[]): Promise<{ code: number | null; output: string }> => {
    const more = args.filter((arg) => typeof arg === "object");
    const onOutput = args.find((arg) => typeof arg === "function");
    const words = args.filter((arg) => typeof arg === "string");
    const child = spawn(process.execPath, [join(root, `scripts/${script}.ts`), ...words], {
      cwd: root,
      env: Object.assign({}, environment, ...more),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 180_000,
    });
    let output = "";
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
      onOutput?.(output, (signal) => child.kill(signal));
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, output };
  };
  return {
    gatewayPort,
    stateDir,
    runDir,
    run,
    invoke: async () => {
      const url = `http://127.0.0.1:${gatewayPort}/2015-03-31/functions/hello/invocations`;
      return (await fetch(url, { method: "POST", body: '{"name":"somebody"}' })).text();
    },
    pid: async (name: string): Promise<number> => JSON.parse(await readFile(join(runDir, `${name}.pid`), "utf8")).pid,
    /** What carries our name and was not there before; other work on this machine is not ours to judge. */
    left: async () => {
      const found = newSince(before, await takeSnapshot());
      const own = [mark, runDir, `10.199.${process.pid % 256}.`];
      return found.filter((line) => own.some((name) => line.includes(name)));
    },
    async [Symbol.asyncDispose]() {
      await run("down", "--purge");
      await rm(folder, { recursive: true, force: true });
    },
  };
}
