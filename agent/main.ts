import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import closeWithGrace from "close-with-grace";
import { ConfigurationError, unknownSettings } from "../common/environment.ts";
import { createLogger } from "../common/logger.ts";
import { composeAgent } from "./compose.ts";
import { readAgentSettings } from "./config.ts";
import { listAttachmentIds } from "./containerd/inspect.ts";
import { removeStaleLeases } from "./containerd/leases.ts";
import { sweepLogs } from "./containerd/logs.ts";
import { Lifecycle } from "./lifecycle.ts";
import { listenAt } from "./server/listen.ts";
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

  const told = <T>(context: string, call: Promise<T>): Promise<T> =>
    call.catch((error: unknown) => Promise.reject(client.translate(error, context)));
  let swept = false;
  const prepare = async (signal: AbortSignal) => {
    await mkdir(logFolder, { recursive: true });
    await told("making the namespace", client.ensureNamespace(signal));
    await network.setup(signal);
    // Only before the first call is served: from then on an attachment may be in use before its container is there.
    if (!swept) {
      await network.sweep(await told("listing attachments", listAttachmentIds(client, signal)));
      await told("removing old logs", sweepLogs(client, logFolder, signal));
      await told("removing old leases", removeStaleLeases(client, signal));
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
  await listenAt(settings.ESB_AGENT_ADDRESS, (address) => server.server.listen(address));
  logger.info({ address: settings.ESB_AGENT_ADDRESS, pid: process.pid }, "listening");
  const running = lifecycle.run(ending.signal);

  closeWithGrace({ delay: shutdownMs + 2000, logger }, async ({ err }) => {
    if (err !== undefined) logger.fatal({ err }, "ending after an error that nobody caught");
    // Running calls first: an Ensure that waits for its worker goes by the runtime's events.
    await server.end(shutdownMs);
    ending.abort();
    await running;
    await network.close();
    client.close();
    logger.info("ended");
  });
}

main().catch((error: unknown) => {
  const text = error instanceof ConfigurationError ? `agent: ${error.message}` : error;
  process.stderr.write(`${text instanceof Error ? text.stack : text}\n`);
  process.exit(1);
});
