import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeAgent } from "./testing/fake-agent.ts";
import { send, until } from "./testing/harness.ts";
import { listening } from "./testing/listen.ts";

async function setUp(functions: string) {
  const dir = await mkdtemp(join(tmpdir(), "esb-main-"));
  const file = join(dir, "functions.yml");
  await writeFile(file, functions);
  return { file, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly output: { out: string; error: string };
  readonly exited: Promise<unknown[]>;
}

function run(environment: Record<string, string>): Running {
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts")], {
    env: { PATH: process.env.PATH, ...environment },
  });
  const output = { out: "", error: "" };
  child.stdout.on("data", (chunk) => {
    output.out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.error += chunk;
  });
  const exited = once(child, "close");
  return {
    child,
    output,
    exited,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  return port;
}

test("a broken functions.yml stops the start with one plain message", async () => {
  await using setup = await setUp("functions:\n  hello:\n    image: x\n    memory: 5\n");
  await using gateway = run({ ESB_FUNCTIONS: setup.file, ESB_GATEWAY_PORT: String(await freePort()) });
  const [code] = await gateway.exited;
  assert.equal(code, 1);
  assert.equal(
    gateway.output.error,
    `${setup.file}:4:13: functions.hello.memory: must be a whole number of MiB; expected 128 to 10240\n`,
  );
});

test("a wrong setting stops the start; an unknown one is warned of", async () => {
  await using gateway = run({ ESB_GATEWAY_PORT: "x" });
  const [code] = await gateway.exited;
  assert.equal(code, 1);
  assert.match(gateway.output.error, /^ESB_GATEWAY_PORT=x: /);
});

test("a port that is taken is told without a stack", async () => {
  await using setup = await setUp("functions: {}");
  const server = createServer();
  const port = await listening(server);
  await using gateway = run({ ESB_FUNCTIONS: setup.file, ESB_GATEWAY_PORT: String(port), ESB_GATEWAI_PORT: "1" });
  const [code] = await gateway.exited;
  server.close();
  assert.equal(code, 1);
  assert.match(gateway.output.error, new RegExp(`^[^\n]*ESB_GATEWAY_PORT=${port}: [^\n]*EADDRINUSE[^\n]*\n$`));
  assert.match(gateway.output.out, /ESB_GATEWAI_PORT is not a setting of esb; did you mean ESB_GATEWAY_PORT\?/);
});

test("SIGTERM: not ready any more, the running request is finished, then the end; workers stay", async () => {
  await using setup = await setUp("functions: { hello: { image: x, timeout: 30 } }");
  await using agent = new FakeAgent();
  const finish = Promise.withResolvers<void>();
  let began = false;
  agent.handler = (_request, response) => {
    began = true;
    void finish.promise.then(() => response.end('"done"'));
  };
  const port = await freePort();
  await using gateway = run({
    ESB_FUNCTIONS: setup.file,
    ESB_GATEWAY_PORT: String(port),
    ESB_AGENT_ADDRESS: await agent.listen(),
  });
  await until(() => gateway.output.out.includes("gateway listens"));
  const running = send(`http://127.0.0.1:${port}/2015-03-31/functions/hello/invocations`, "POST", {}, "{}");
  await until(() => began);
  gateway.child.kill("SIGTERM");
  await until(() => gateway.output.out.includes("gateway stops"));
  finish.resolve();
  assert.equal((await running).body, '"done"');
  const [code] = await gateway.exited;
  assert.equal(code, 0);
  assert.equal(agent.workers.size, 1);
});
