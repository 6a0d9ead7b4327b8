import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Channel, type Client, createChannel, createClientFactory } from "nice-grpc";
import { type DeadlineOptions, deadlineMiddleware } from "nice-grpc-client-middleware-deadline";
import { AgentServiceDefinition, ImageServiceDefinition } from "../../proto/gen/esb/agent/v1/agent.ts";
import { operatorIdentity, tlsSettings } from "./agent-tls.ts";
import { startContainerd, type TestContainerd } from "./containerd.ts";
import { freePort } from "./port.ts";
import { patienceMs, type TestProcess, testProcess, until, untilWhileAlive } from "./process.ts";
import { freeIdentitySubnet, freeInvocationSubnet, freeSubnet } from "./subnet.ts";

export { patienceMs, type TestProcess, until } from "./process.ts";

const root = join(import.meta.dirname, "../..");

export interface EsbOptions {
  /** Settings over the test's own. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Text of functions.yml; absent: no gateway is started. */
  readonly functions?: string;
  /** Folder of scripts/certificates.ts: the agent listens with TLS, and everybody calls it so. */
  readonly certificates?: string;
  /** How a program is started that is not to run as the test itself does. */
  readonly launches?: Readonly<Record<string, Launch>>;
  /** Whether the process that serves the Runtime API is started: functions with a Lambda runtime need it. */
  readonly runtimeApi?: boolean;
  /** Archives to import before the first request. */
  readonly archives?: readonly string[];
}

export interface Launch {
  /** Words before its command. */
  readonly through: readonly string[];
  /** Settings of this program alone. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A whole esb of a test's own: containerd, agent and, where functions are given, gateway. */
export interface TestEsb extends AsyncDisposable {
  readonly containerd: TestContainerd;
  readonly agent: TestProcess;
  readonly gateway: TestProcess;
  /** Started only where it is asked for. */
  readonly runtimeApi: TestProcess;
  /** Connection to the agent; it comes back by itself. */
  readonly channel: Channel;
  readonly workers: Client<AgentServiceDefinition, DeadlineOptions>;
  readonly images: Client<ImageServiceDefinition, DeadlineOptions>;
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
  /** Waits until the agent serves; fails at once when its process has ended. */
  agentReady(timeoutMs?: number): Promise<void>;
  /** A synchronous Invoke. */
  invoke(name: string, payload?: unknown, init?: RequestInit): Promise<Response>;
  /** Waits until `ctr tasks ls` shows this state for a worker; undefined: not there. */
  taskState(id: string): Promise<string | undefined>;
  waitForTask(id: string, state: string | undefined): Promise<void>;
}

/** Starts an esb and waits until agent and gateway are ready. Disposing of it leaves nothing behind. */
export async function startEsb(options: EsbOptions = {}): Promise<TestEsb> {
  try {
    return await start(options);
  } catch (error) {
    if (!(error instanceof SuppressedError)) throw error;
    // Node shows neither of the two by itself.
    throw new Error(`${error.suppressed}; then cleaning up failed: ${error.error}`, { cause: error });
  }
}

async function start(options: EsbOptions): Promise<TestEsb> {
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
    ESB_IDENTITY_SUBNET: await freeIdentitySubnet(),
    ESB_INVOCATION_SUBNET: await freeInvocationSubnet(),
    ESB_GATEWAY_PORT: String(port),
    ESB_MODE: "development",
    ESB_FUNCTIONS: functionsFile,
    ESB_ROUTING: "none",
    // AWS's ten seconds are those of a machine with time to spare.
    ESB_INIT_TIMEOUT_MS: "60000",
    // What a test finds left behind must not go while it still looks.
    ESB_SWEEP_INTERVAL_SECONDS: "3600",
    ...options.settings,
  };
  const logs = join(containerd.dir, "logs");
  await mkdir(logs);
  const { certificates } = options;
  const program = (name: string, path: string) => {
    const tls = certificates === undefined ? {} : tlsSettings(certificates, name);
    const { through = [], settings: own = {} } = options.launches?.[name] ?? {};
    const environment = { ...settings, ...tls, ...own };
    return testProcess({ through, args: [path], cwd: root, environment, logPath: join(logs, `${name}.log`) });
  };
  const agent = program("agent", "agent/main.ts");
  const gateway = program("gateway", "gateway/main.ts");
  const runtimeApi = program("runtime-api", "agent/runtime-api/main.ts");
  const identity = certificates === undefined ? undefined : stack.use(await operatorIdentity(certificates));
  const channel = createChannel(settings.ESB_AGENT_ADDRESS, identity?.credentials, {
    "grpc.initial_reconnect_backoff_ms": 20,
    "grpc.min_reconnect_backoff_ms": 20,
    "grpc.max_reconnect_backoff_ms": 200,
  });
  const clients = createClientFactory().use(deadlineMiddleware);
  const workers = clients.create(AgentServiceDefinition, channel);
  const images = clients.create(ImageServiceDefinition, channel);

  stack.defer(async () => {
    channel.close();
    await gateway.stop("SIGKILL");
    await agent.stop("SIGKILL");
    await runtimeApi.stop("SIGKILL");
    const teardown = program("teardown", "agent/teardown.ts");
    await teardown.start();
    if ((await teardown.ended()) !== 0) throw new Error(`the teardown failed: ${await teardown.log()}`);
  });

  const agentReady = (timeoutMs = patienceMs) => untilWhileAlive(agent, () => workers.list({}), timeoutMs);
  await agent.start();
  if (options.runtimeApi === true) await runtimeApi.start();
  await agentReady();
  const importArchive = async (path: string) => {
    await images.importImage(archiveMessages(path));
  };
  for (const path of options.archives ?? []) await importArchive(path);

  const url = `http://127.0.0.1:${port}`;
  if (options.functions !== undefined) {
    await writeFile(functionsFile, options.functions);
    await gateway.start();
    const isReady = async () => {
      const answer = await fetch(`${url}/ready`);
      if (!answer.ok) throw new Error(await answer.text());
    };
    await untilWhileAlive(gateway, isReady, patienceMs);
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
    runtimeApi,
    channel,
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
    agentReady,
    taskState,
    invoke: (name, payload = {}, init = {}) =>
      fetch(`${url}/2015-03-31/functions/${name}/invocations`, {
        method: "POST",
        body: JSON.stringify(payload),
        ...init,
      }),
    waitForTask: (id, state) =>
      until(
        async () => {
          const found = await taskState(id);
          if (found !== state) throw new Error(`${id} is ${found}`);
        },
        patienceMs,
        async (error) => `${id} did not become ${state}: ${error}`,
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

export async function* archiveMessages(path: string, name = "") {
  yield { content: { $case: "options" as const, value: { name } } };
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    yield { content: { $case: "chunk" as const, value: chunk as Buffer } };
  }
}
