import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { EnsureRequest } from "./ensure.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { FakeRecords } from "./records.fake.ts";
import { FakeRuntime } from "./runtime.fake.ts";
import type { Endpoint } from "./runtime.ts";
import { WorkerService, type WorkerServiceOptions } from "./service.ts";
import { functionSpec } from "./worker.fake.ts";

export const never = new AbortController().signal;

export function ensureRequest(changes: Partial<EnsureRequest> = {}): EnsureRequest {
  return { function: functionSpec(), slot: 0, owner: "gateway", ...changes };
}

/** Something that listens, as a worker that is ready does. */
export async function listeningEndpoint(): Promise<Endpoint & AsyncDisposable> {
  const server = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    host: "127.0.0.1",
    port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

export interface TestService extends AsyncDisposable {
  readonly service: WorkerService;
  readonly runtime: FakeRuntime;
  readonly records: FakeRecords;
  /** What the service logged, as warnings. */
  readonly warnings: string[];
}

/** A service over a fake runtime whose workers listen, or not. */
export async function testService(
  options: Partial<WorkerServiceOptions> & { readonly listening?: boolean } = {},
): Promise<TestService> {
  const { listening = true, ...rest } = options;
  const endpoint = await listeningEndpoint();
  if (!listening) await endpoint[Symbol.asyncDispose]();
  const runtime = new FakeRuntime({ host: endpoint.host, port: endpoint.port });
  const records = new FakeRecords();
  const warnings: string[] = [];
  const logger = { warn: (fields: { err: Error }, text: string) => warnings.push(`${text}: ${fields.err.message}`) };
  const service = new WorkerService({
    runtime,
    records,
    memory: new MemoryBudget({ bytes: Number.POSITIVE_INFINITY, percent: 100 }),
    readyTimeoutMs: 60_000,
    destroyGraceMs: 2000,
    now: () => 1_700_000_000_000,
    logger: logger as unknown as WorkerServiceOptions["logger"],
    ...rest,
  });
  return {
    service,
    runtime,
    records,
    warnings,
    async [Symbol.asyncDispose]() {
      if (listening) await endpoint[Symbol.asyncDispose]();
    },
  };
}

/** Gives others their turn until it is so. @throws Error when it never becomes so */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn += 1) {
    if (condition()) return;
    await nextTurn();
  }
  throw new Error(`waited in vain until ${condition}`);
}

/** The changes that a watcher from the beginning would have been told of. */
export async function changesOf({ table }: WorkerService, position: string): Promise<string[]> {
  const told: string[] = [];
  const end = table.position;
  if (position === end) return told;
  for await (const message of table.watch(position, never)) {
    if (message.type === "change") {
      const { change } = message;
      const state = change.type === "removed" ? `${change.reason} ${change.exitStatus ?? ""}` : change.worker.state;
      told.push(`${change.type} ${change.worker.identity.id} ${state}`.trim());
    }
    if (message.position === end) break;
  }
  return told;
}
