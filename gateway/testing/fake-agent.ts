import { createHash } from "node:crypto";
import { createServer, type Metadata, type Server, ServerError, Status } from "nice-grpc";
import { HealthDefinition, HealthServiceImpl, HealthState } from "nice-grpc-server-health";
import {
  AgentServiceDefinition,
  type AgentServiceImplementation,
  Driver,
  RemovalReason,
  StartKind,
  Worker,
  WorkerState,
} from "../../proto/gen/esb/agent/v1/agent.ts";
import { FakeWorker, type WorkerHandler } from "./fake-worker.ts";
import { WatchLog } from "./watch-log.ts";

/** Of this host, as its workers reach it. */
const hostAddress = "127.0.0.1";

/** What to do in place of an RPC's own work. */
export interface Failure {
  readonly code: string;
  readonly status: Status;
  readonly message: string;
}

/** An agent in this process: the real contract over real gRPC, workers that are HTTP servers in this process. */
export class FakeAgent implements AsyncDisposable {
  readonly calls: string[] = [];
  readonly workers = new Map<string, { info: Worker; http: FakeWorker }>();
  readonly health = HealthState();
  handler: WorkerHandler = (_request, response) => response.end("{}");
  /** How the workers that it makes are driven. */
  driver: Driver = Driver.HTTP;
  /** Calls that fail, by RPC. */
  readonly failures = new Map<"ensure" | "pause" | "resume" | "destroy", Failure>();
  /** Awaited by an RPC before it does its work. */
  readonly gates = new Map<"ensure" | "pause" | "resume" | "destroy" | "logs", Promise<void>>();
  /** What workers have to show when they call, by worker; they all call from the loopback address. */
  readonly tokens = new Map<string, string>();
  #log = new WatchLog(hostAddress);
  #instances = 0;
  #server: Server | undefined;
  #closing = new AbortController();

  /** @param address `127.0.0.1:0` for any free port @returns the address */
  async listen(address = "127.0.0.1:0"): Promise<string> {
    this.#closing = new AbortController();
    this.#log = new WatchLog(hostAddress);
    const server = createServer();
    server.add(AgentServiceDefinition, this.#service());
    server.add(HealthDefinition, HealthServiceImpl(this.health));
    this.health.setStatus("healthy", AgentServiceDefinition.fullName);
    this.#server = server;
    return `127.0.0.1:${await server.listen(address)}`;
  }

  /** Goes away, as a process that is killed: its workers go on. */
  stop(): void {
    this.#closing.abort();
    this.#server?.forceShutdown();
    this.#server = undefined;
  }

  /** A worker dies or is destroyed by somebody else. */
  async kill(id: string, reason: RemovalReason = RemovalReason.EXITED, tell = true): Promise<void> {
    const worker = this.workers.get(id);
    if (worker === undefined) return;
    this.workers.delete(id);
    await worker.http[Symbol.asyncDispose]();
    if (tell) this.#log.removed(worker.info, reason);
  }

  /** Tells of a worker's end without ending it. */
  tellRemoved(worker: Pick<Worker, "id" | "instanceId">, reason: RemovalReason): void {
    const [name = ""] = worker.id.split("-");
    this.#log.removed(Worker.fromPartial({ ...worker, function: name }), reason);
  }

  /** Somebody else freezes or thaws a worker. */
  setState(id: string, state: WorkerState): void {
    const worker = this.workers.get(id);
    if (worker === undefined) throw new Error(`no ${id}`);
    worker.info = { ...worker.info, state };
    if (state === WorkerState.PAUSED) worker.http.freeze();
    else worker.http.thaw();
    this.#log.changed(worker.info);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    for (const id of [...this.workers.keys()]) await this.kill(id);
  }

  /** @param calls whether it is given a token */
  async add(name: string, slot = 0, owner = "gateway", calls = false): Promise<Worker> {
    const id = `${name}-${slot}`;
    const instanceId = `i${++this.#instances}`;
    const token = `token of ${id} ${instanceId}`;
    if (calls) this.tokens.set(id, token);
    const http = await FakeWorker.start((...args) => this.handler(...args));
    const info = Worker.fromPartial({
      id,
      function: name,
      slot,
      owner,
      state: WorkerState.RUNNING,
      host: "127.0.0.1",
      port: http.port,
      pid: 1,
      instanceId,
      sourceAddress: hostAddress,
      driver: this.driver,
      tokenDigest: calls ? createHash("sha256").update(token).digest("hex") : "",
    });
    this.workers.set(id, { info, http });
    this.#log.changed(info);
    return info;
  }

  /** Nothing is printed here. */
  async *#logs(workerId: string) {
    this.calls.push(`logs ${workerId}`);
    await this.gates.get("logs");
    yield { lines: [] };
  }

  #service(): AgentServiceImplementation {
    const only = (id: string, instance: string) => {
      const worker = this.workers.get(id);
      return worker !== undefined && (instance === "" || worker.info.instanceId === instance) ? worker : undefined;
    };
    const found = (id: string, instance: string) => {
      const worker = only(id, instance);
      if (worker === undefined) throw failed("WORKER_NOT_FOUND", Status.NOT_FOUND, `no worker ${id}`);
      return worker;
    };
    const enter = async (rpc: "ensure" | "pause" | "resume" | "destroy", id: string, context: CallContext) => {
      this.calls.push(`${rpc} ${id}`);
      context.signal.addEventListener("abort", () => this.calls.push(`${rpc} ${id} cancelled`));
      await this.gates.get(rpc);
      if (context.signal.aborted) throw context.signal.reason;
      const failure = this.failures.get(rpc);
      if (failure === undefined) return;
      context.trailer.set("esb-error-code", failure.code);
      throw new ServerError(failure.status, failure.message);
    };
    const coded = async <T>(context: CallContext, work: () => T | Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        if (error instanceof CodedError) context.trailer.set("esb-error-code", error.named);
        throw error;
      }
    };
    return {
      ensure: (request, context) =>
        coded(context, async () => {
          const id = `${request.function?.name}-${request.slot}`;
          await enter("ensure", id, context);
          const existing = this.workers.get(id);
          const frozen = existing?.http.frozen === true;
          if (frozen) this.setState(id, WorkerState.RUNNING);
          const { function: spec, slot, owner, lambdaApiPort } = request;
          const worker = existing?.info ?? (await this.add(spec?.name ?? "", slot, owner, lambdaApiPort !== 0));
          const startKind = frozen ? StartKind.THAWED : existing === undefined ? StartKind.COLD : StartKind.WARM;
          return { worker, startKind, phases: { imageMs: 1, snapshotMs: 2.5, createMs: 30, totalMs: 45 } };
        }),
      destroy: (request, context) =>
        coded(context, async () => {
          await enter("destroy", request.workerId, context);
          const worker = only(request.workerId, request.instanceId);
          if (worker !== undefined) await this.kill(request.workerId, RemovalReason.DESTROYED);
          return { existed: worker !== undefined };
        }),
      pause: (request, context) =>
        coded(context, async () => {
          await enter("pause", request.workerId, context);
          const worker = found(request.workerId, request.instanceId);
          this.setState(request.workerId, WorkerState.PAUSED);
          return { worker: worker.info };
        }),
      resume: (request, context) =>
        coded(context, async () => {
          await enter("resume", request.workerId, context);
          const worker = found(request.workerId, request.instanceId);
          this.setState(request.workerId, WorkerState.RUNNING);
          return { worker: worker.info };
        }),
      list: async () => ({ workers: [...this.workers.values()].map(({ info }) => info), position: "" }),
      watch: (request, context) => {
        this.calls.push(`watch ${request.position}`);
        const workers = () => [...this.workers.values()].map(({ info }) => info);
        return this.#log.follow(request.position, workers, AbortSignal.any([context.signal, this.#closing.signal]));
      },
      stats: async () => ({}),
      logs: (request) => this.#logs(request.workerId),
      followLogs: async function* () {},
    };
  }
}

interface CallContext {
  readonly signal: AbortSignal;
  readonly trailer: Metadata;
}

class CodedError extends ServerError {
  readonly named: string;

  constructor(named: string, status: Status, message: string) {
    super(status, message);
    this.named = named;
  }
}

function failed(code: string, status: Status, message: string): CodedError {
  return new CodedError(code, status, message);
}
