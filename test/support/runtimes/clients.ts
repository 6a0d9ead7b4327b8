import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request as send } from "node:http";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createChannel, createClient } from "nice-grpc";
import { Admission, RuntimeApiServiceDefinition } from "../../../proto/gen/esb/runtime/v1/runtime.ts";
import { freePort } from "../port.ts";
import { patienceMs, testProcess, untilWhileAlive } from "../process.ts";

const root = join(import.meta.dirname, "../../..");
const invocationPath = "/2015-03-31/functions/function/invocations";

export interface Program {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A runtime as a plain process; what the agent would tell of it is told by this. */
export interface RunningRuntime {
  readonly admission: Admission;
  readonly pid: number;
  log(): Promise<string>;
}

export interface RuntimeApiProcess extends AsyncDisposable {
  readonly control: Client<RuntimeApiServiceDefinition>;
  readonly pid: number | undefined;
  /** Admits a worker and starts its program; its exit is told. */
  run(program: Program, change?: Partial<Admission>): Promise<RunningRuntime>;
}

/** The Runtime API's own process. Runtimes have no addresses of their own here: they are known by a port each. */
export async function startRuntimeApiProcess(): Promise<RuntimeApiProcess> {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "esb-runtime-clients-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const process_ = testProcess({
    args: ["agent/runtime-api/main.ts"],
    cwd: root,
    environment: { ESB_RUN_DIR: folder },
    logPath: join(folder, "runtime-api.log"),
  });
  await process_.start();
  stack.defer(() => process_.stop());
  const channel = createChannel(`unix://${folder}/runtime-api.sock`, undefined, {
    "grpc.initial_reconnect_backoff_ms": 20,
    "grpc.min_reconnect_backoff_ms": 20,
    "grpc.max_reconnect_backoff_ms": 200,
  });
  stack.defer(() => channel.close());
  const control = createClient(RuntimeApiServiceDefinition, channel);
  await untilWhileAlive(process_, () => control.list({}), patienceMs);
  let count = 0;
  const owned = stack.move();

  async function run(program: Program, change: Partial<Admission> = {}): Promise<RunningRuntime> {
    const number = ++count;
    const admission = Admission.fromPartial({
      workerId: `worker-${number}`,
      instanceId: `instance-${number}`,
      runtimeAddress: "127.0.0.1",
      runtimePort: await freePort(),
      invocationAddress: "127.0.0.1",
      invocationPort: await freePort(),
      functionName: "hello",
      functionArn: "arn:aws:lambda:us-east-1:000000000000:function:hello",
      timeoutMs: 10_000,
      memoryMib: 128,
      ...change,
    });
    await control.admit({ worker: admission });
    const logPath = join(folder, `${number}.log`);
    const file = openSync(logPath, "a");
    const [command = "", ...args] = ["setpriv", "--pdeathsig", "KILL", ...program.command];
    const child = spawn(command, args, {
      cwd: program.cwd ?? folder,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${admission.runtimePort}`,
        AWS_LAMBDA_FUNCTION_NAME: "hello",
        AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "128",
        AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/hello",
        AWS_LAMBDA_LOG_STREAM_NAME: "stream",
        AWS_REGION: "us-east-1",
        ...program.environment,
      },
      stdio: ["ignore", file, file],
    });
    closeSync(file);
    const exited = once(child, "exit").then(([code, signal]) => {
      const exitStatus = code ?? 128 + constants.signals[signal as NodeJS.Signals];
      return control.exited({ instanceId: admission.instanceId, exitStatus }).catch(() => undefined);
    });
    owned.defer(async () => {
      child.kill("SIGKILL");
      await exited;
    });
    return { admission, pid: child.pid ?? 0, log: () => readFile(logPath, "utf8") };
  }

  return {
    control,
    get pid() {
      return process_.pid;
    },
    run,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** An invocation, as the gateway sends it, with its answer open. */
export function sendInvocation(admission: Admission, event: unknown, headers: Record<string, string> = {}) {
  const { invocationAddress: host, invocationPort: port } = admission;
  const request = send({ host, port, method: "POST", path: invocationPath, headers, agent: false });
  request.end(JSON.stringify(event));
  return request;
}
