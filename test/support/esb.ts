import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, openSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createChannel, createClient } from "nice-grpc";
import { AgentServiceDefinition, ImageServiceDefinition } from "../../proto/gen/esb/agent/v1/agent.ts";
import { startContainerd, type TestContainerd } from "./containerd.ts";
import { freeSubnet } from "./subnet.ts";

const root = join(import.meta.dirname, "../..");

export interface EsbOptions {
  /** Settings over the test's own. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Text of functions.yml; absent: no gateway is started. */
  readonly functions?: string;
  /** Archives to import before the first request. */
  readonly archives?: readonly string[];
}

/** A process of ours with its log, started and stopped by the test. */
export interface TestProcess {
  readonly pid: number | undefined;
  start(): Promise<void>;
  /** Sends the signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  log(): Promise<string>;
}

/** A whole esb of a test's own: containerd, agent and, where functions are given, gateway. */
export interface TestEsb extends AsyncDisposable {
  readonly containerd: TestContainerd;
  readonly agent: TestProcess;
  readonly gateway: TestProcess;
  readonly workers: Client<AgentServiceDefinition>;
  readonly images: Client<ImageServiceDefinition>;
  /** `http://127.0.0.1:port` of the gateway. */
  readonly url: string;
  readonly namespace: string;
  readonly network: string;
  readonly subnet: string;
  readonly functionsFile: string;
  readonly settings: Readonly<Record<string, string>>;
  /** `ctr` in our namespace. */
  ctr(...args: string[]): Promise<string>;
  importArchive(path: string): Promise<void>;
  /** A synchronous Invoke. */
  invoke(name: string, payload?: unknown, init?: RequestInit): Promise<Response>;
  /** Waits until `ctr tasks ls` shows this state for a worker; undefined: not there. */
  taskState(id: string): Promise<string | undefined>;
  waitForTask(id: string, state: string | undefined, timeoutMs?: number): Promise<void>;
}

/** Starts an esb and waits until agent and gateway are ready. Disposing of it leaves nothing behind. */
export async function startEsb(options: EsbOptions = {}): Promise<TestEsb> {
  await using stack = new AsyncDisposableStack();
  const containerd = stack.use(await startContainerd());
  const network = `t${randomBytes(3).toString("hex")}`;
  const { subnet } = await freeSubnet();
  const agentSocket = join(containerd.dir, "agent.sock");
  const port = await freePort();
  const functionsFile = join(containerd.dir, "functions.yml");
  const namespace = network;
  const settings = {
    ESB_CONTAINERD_ADDRESS: containerd.address,
    ESB_AGENT_ADDRESS: `unix://${agentSocket}`,
    ESB_NAMESPACE: namespace,
    ESB_STATE_DIR: join(containerd.dir, "esb-state"),
    ESB_RUN_DIR: join(containerd.dir, "esb-run"),
    LAMBDA_NETWORK: network,
    ESB_SUBNET: subnet,
    ESB_GATEWAY_PORT: String(port),
    ESB_FUNCTIONS: functionsFile,
    ...options.settings,
  };
  const environment = settings;
  const logs = join(containerd.dir, "logs");
  await mkdir(logs);
  const agent = testProcess(["agent/main.ts"], environment, join(logs, "agent.log"));
  const gateway = testProcess(["gateway/main.ts"], environment, join(logs, "gateway.log"));
  const channel = createChannel(settings.ESB_AGENT_ADDRESS);
  const workers = createClient(AgentServiceDefinition, channel);
  const images = createClient(ImageServiceDefinition, channel);

  stack.defer(async () => {
    channel.close();
    await gateway.stop("SIGKILL");
    await agent.stop("SIGKILL");
    const teardown = testProcess(["agent/teardown.ts"], environment, join(logs, "teardown.log"));
    await teardown.start();
    const [code] = teardown.exited === undefined ? [0] : await teardown.exited;
    if (code !== 0) throw new Error(`the teardown failed: ${await teardown.log()}`);
  });

  await agent.start();
  await until(
    async () => workers.list({}),
    30_000,
    async () => `the agent does not serve: ${await agent.log()}`,
  );
  const importArchive = async (path: string) => {
    await images.importImage(archiveMessages(path));
  };
  for (const path of options.archives ?? []) await importArchive(path);

  const url = `http://127.0.0.1:${port}`;
  if (options.functions !== undefined) {
    await writeFile(functionsFile, options.functions);
    await gateway.start();
    await until(
      async () => {
        const answer = await fetch(`${url}/ready`);
        if (!answer.ok) throw new Error(await answer.text());
      },
      15_000,
      async (error) => `the gateway is not ready (${error}): ${await gateway.log()}`,
    );
  }

  const ctr = (...args: string[]) => containerd.ctr("--namespace", namespace, ...args);
  const taskState = async (id: string) => {
    const lines = (await ctr("tasks", "ls")).split("\n").map((line) => line.trim().split(/\s+/));
    return lines.find(([name]) => name === id)?.[2];
  };
  const owned = stack.move();
  return {
    containerd,
    agent,
    gateway,
    workers,
    images,
    url,
    namespace,
    network,
    subnet,
    functionsFile,
    settings,
    ctr,
    importArchive,
    taskState,
    invoke: (name, payload = {}, init = {}) =>
      fetch(`${url}/2015-03-31/functions/${name}/invocations`, {
        method: "POST",
        body: JSON.stringify(payload),
        ...init,
      }),
    waitForTask: (id, state, timeoutMs = 10_000) =>
      until(
        async () => {
          const found = await taskState(id);
          if (found !== state) throw new Error(`${id} is ${found}`);
        },
        timeoutMs,
        async (error) => `${id} did not become ${state}: ${error}`,
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Tries until it succeeds. @throws with the last failure when the time is over */
export async function until(
  attempt: () => Promise<unknown>,
  timeoutMs: number,
  describe: (error: unknown) => Promise<string>,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw new Error(await describe(error), { cause: error });
      await delay(20);
    }
  }
}

/** A TCP port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

export async function* archiveMessages(path: string, name = "") {
  yield { content: { $case: "options" as const, value: { name } } };
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    yield { content: { $case: "chunk" as const, value: chunk as Buffer } };
  }
}

function testProcess(args: string[], environment: NodeJS.ProcessEnv, logPath: string) {
  let child: ChildProcess | undefined;
  let exited: Promise<unknown[]> | undefined;
  return {
    get pid() {
      return child?.pid;
    },
    get exited() {
      return exited;
    },
    async start() {
      const log = openSync(logPath, "a");
      child = spawn(process.execPath, args, {
        cwd: root,
        env: { ...process.env, ...environment },
        stdio: ["ignore", log, log],
      });
      exited = once(child, "exit");
    },
    async stop(signal: NodeJS.Signals = "SIGTERM") {
      if (child === undefined) return;
      child.kill(signal);
      await exited;
      child = undefined;
    },
    log: () => readFile(logPath, "utf8").catch(() => ""),
  };
}
