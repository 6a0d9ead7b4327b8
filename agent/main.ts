import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import closeWithGrace from "close-with-grace";
import { ConfigurationError, unknownSettings } from "../common/environment.ts";
import { createLogger } from "../common/logger.ts";
import { composeAgent } from "./compose.ts";
import { type AgentSettings, readAgentSettings } from "./config.ts";
import { listAttachmentIds } from "./containerd/inspect.ts";
import { removeStaleLeases } from "./containerd/leases.ts";
import { sweepLogs } from "./containerd/logs.ts";
import { Lifecycle } from "./lifecycle.ts";
import { createAgentServer } from "./server/server.ts";
import { WorkerService } from "./workers/service.ts";

/** Running calls get this long when the agent is told to end. */
const shutdownMs = 10_000;
const descriptorsPath = join(import.meta.dirname, "../proto/gen/esb.binpb");

async function main(): Promise<void> {
  const settings = readAgentSettings(process.env);
  const logger = createLogger("agent", settings.LOG_LEVEL);
  for (const sentence of unknownSettings(process.env)) logger.warn(sentence);

  const { client, network, images, runtime, logFolder } = await composeAgent(settings, logger);
  const workers = new WorkerService({
    runtime,
    readyTimeoutMs: settings.ESB_READY_TIMEOUT_MS,
    destroyGraceMs: settings.ESB_DESTROY_GRACE_MS,
    now: Date.now,
    logger,
  });

  let swept = false;
  const prepare = async (signal: AbortSignal) => {
    await mkdir(logFolder, { recursive: true });
    await client
      .ensureNamespace(signal)
      .catch((error) => Promise.reject(client.translate(error, "making the namespace")));
    await network.setup(signal);
    // Only before the first call is served: from then on an attachment may be in use before its container is there.
    if (!swept) {
      await network.sweep(await listAttachmentIds(client, signal));
      await sweepLogs(client, logFolder, signal);
      await removeStaleLeases(client, signal);
    }
    swept = true;
  };
  const lifecycle = new Lifecycle({
    prepare,
    runtime,
    workers,
    logger,
    onServing: (serving) => server.setServing(serving),
  });
  const server = createAgentServer({
    workers,
    images,
    ready: () => lifecycle.assertServing(),
    logger,
    descriptors: settings.ESB_AGENT_REFLECTION === "on" ? await readFile(descriptorsPath) : undefined,
  });

  const ending = new AbortController();
  await listen(settings, (address) => server.server.listen(address));
  logger.info({ address: settings.ESB_AGENT_ADDRESS, pid: process.pid }, "listening");
  const running = lifecycle.run(ending.signal);

  closeWithGrace({ delay: shutdownMs + 2000, logger }, async ({ err }) => {
    if (err !== undefined) logger.fatal({ err }, "ending after an error that nobody caught");
    server.setServing(false);
    ending.abort();
    const forced = setTimeout(() => server.server.forceShutdown(), shutdownMs);
    await server.server.shutdown();
    clearTimeout(forced);
    await running;
    await network.close();
    client.close();
    logger.info("ended");
  });
}

/** A socket file of an agent that crashed is in the way, and nobody's. */
async function listen(
  { ESB_AGENT_ADDRESS: address }: AgentSettings,
  bind: (address: string) => Promise<number>,
): Promise<void> {
  if (address.startsWith("unix://")) {
    const path = address.slice("unix://".length);
    await mkdir(join(path, ".."), { recursive: true });
    await rm(path, { force: true });
  }
  await bind(address);
}

main().catch((error: unknown) => {
  const text = error instanceof ConfigurationError ? `agent: ${error.message}` : error;
  process.stderr.write(`${text instanceof Error ? text.stack : text}\n`);
  process.exit(1);
});
