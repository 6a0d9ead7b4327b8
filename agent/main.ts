import { readFile } from "node:fs/promises";
import { join } from "node:path";
import closeWithGrace from "close-with-grace";
import { ConfigurationError, unknownSettings } from "../common/environment.ts";
import { openShippedLog } from "../common/log-shipping/open.ts";
import { composeAgent } from "./compose.ts";
import { readAgentSettings } from "./config.ts";
import { Lifecycle } from "./lifecycle.ts";
import { detectHostMemoryBytes } from "./oci/host-memory.ts";
import { composeRecovery } from "./recovery/compose.ts";
import { feedTelemetry } from "./runtime-workers/feed.ts";
import { listenAt } from "./server/listen.ts";
import { openSecured } from "./server/secured.ts";
import { createAgentServer } from "./server/server.ts";
import { databasePathIn } from "./store/files.ts";
import { WorkerStore } from "./store/store.ts";
import { MemoryBudget } from "./workers/memory-budget.ts";
import { OwnerReaper } from "./workers/owner-reaper.ts";
import { OwnerPresence } from "./workers/owners.ts";
import { WorkerService } from "./workers/service.ts";

/** Running calls get this long when the agent is told to end. */
const shutdownMs = 10_000;
/** All the rest, the last log lines included. */
const closeWithinMs = 4000;
const descriptorsPath = join(import.meta.dirname, "../proto/gen/esb.binpb");

async function main(): Promise<void> {
  const settings = readAgentSettings(process.env);
  const log = openShippedLog("agent", settings);
  const { logger } = log;
  for (const sentence of unknownSettings(process.env)) logger.warn(sentence);

  const secured = await openSecured(settings, logger);
  const { client, network, images, runtime, runtimeApi, logs, workerApi } = await composeAgent(settings, logger);
  const records = new WorkerStore({ path: databasePathIn(settings.ESB_STATE_DIR), logger, now: Date.now });
  const workers = new WorkerService({
    runtime,
    records,
    memory: new MemoryBudget({
      bytes: ((await detectHostMemoryBytes(settings.ESB_MEMORY_BASE)) * settings.ESB_MEMORY_PERCENT) / 100,
      percent: settings.ESB_MEMORY_PERCENT,
    }),
    readyTimeoutMs: settings.ESB_READY_TIMEOUT_MS,
    destroyGraceMs: settings.ESB_DESTROY_GRACE_MS,
    now: Date.now,
    logger,
  });

  const told = <T>(context: string, call: Promise<T>): Promise<T> =>
    call.catch((error: unknown) => Promise.reject(client.translate(error, context)));
  const recovery = composeRecovery({ settings, client, network, runtime, workers, records, logs, logger });
  const prepare = async (signal: AbortSignal) => {
    await logs.prepare(logger);
    await told("making the namespace", client.ensureNamespace(signal));
    await told("listing leases", recovery.noteFormerLeases(signal));
    await network.setup(signal);
  };
  const lifecycle = new Lifecycle({
    prepare,
    runtime,
    workers,
    sweeper: recovery.sweeper,
    logger,
    onServing: (serving) => server.setServing(serving),
  });
  const monotonicMs = () => performance.now();
  const presence = new OwnerPresence(monotonicMs);
  const server = createAgentServer({
    workers,
    images,
    ready: () => lifecycle.assertServing(),
    presence,
    logs,
    logFollower: logs,
    workerApi,
    logger,
    descriptors: settings.ESB_AGENT_REFLECTION === "on" ? await readFile(descriptorsPath) : undefined,
  });
  const reaper = new OwnerReaper({
    presence,
    workers,
    ready: () => lifecycle.assertServing(),
    timeoutMs: settings.ESB_OWNER_TIMEOUT_MINUTES * 60_000,
    now: monotonicMs,
    logger,
  });

  const ending = new AbortController();
  await listenAt(settings.ESB_AGENT_ADDRESS, (address) => secured.listen(server.server, address));
  logger.info({ address: settings.ESB_AGENT_ADDRESS, tls: secured.tls, pid: process.pid }, "listening");
  const running = Promise.all([
    lifecycle.run(ending.signal),
    reaper.run(ending.signal),
    feedTelemetry({ api: runtimeApi, logs, stats: (id, signal) => runtime.stats(id, signal), logger }, ending.signal),
  ]);

  closeWithGrace({ delay: shutdownMs + closeWithinMs, logger }, async ({ err }) => {
    if (err !== undefined) logger.fatal({ err }, "ending after an error that nobody caught");
    // Running calls first: an Ensure that waits for its worker goes by the runtime's events.
    await server.end(shutdownMs);
    ending.abort();
    await running;
    await network.close();
    client.close();
    runtimeApi[Symbol.dispose]();
    secured[Symbol.dispose]();
    records[Symbol.dispose]();
    logger.info("ended");
    await log.close();
  });
}

main().catch((error: unknown) => {
  const text = error instanceof ConfigurationError ? `agent: ${error.message}` : error;
  process.stderr.write(`${text instanceof Error ? text.stack : text}\n`);
  process.exit(1);
});
