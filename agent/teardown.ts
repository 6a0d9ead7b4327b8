import { rm } from "node:fs/promises";
import { ConfigurationError } from "../common/environment.ts";
import { createLogger } from "../common/logger.ts";
import { composeAgent } from "./compose.ts";
import { readAgentSettings } from "./config.ts";
import { AgentError } from "./errors.ts";

/**
 * Removes every worker and the network, with no agent running; `--purge` also removes the images and the namespace.
 * Part of `npm run down`.
 */
async function teardown(purge: boolean): Promise<void> {
  const settings = readAgentSettings(process.env);
  const logger = createLogger("teardown", settings.LOG_LEVEL);
  const { client, network, images, runtime, logFolder } = await composeAgent(settings, logger);
  const signal = AbortSignal.timeout(120_000);
  try {
    const workers = await runtime.list(signal);
    await Promise.all(workers.map(({ id }) => runtime.destroy(id, settings.ESB_DESTROY_GRACE_MS)));
    if (purge) {
      for (const { name } of await images.list(signal)) await images.remove(name, signal);
      await client.namespaces.delete({ name: client.namespace }, { signal });
    }
  } catch (error) {
    const away = error instanceof AgentError && error.code === "RUNTIME_UNAVAILABLE";
    if (!away) throw error;
    logger.warn({ err: error }, "no containerd, so its workers cannot be removed");
  }
  await network.teardown();
  await network.close();
  await rm(logFolder, { recursive: true, force: true });
  client.close();
}

teardown(process.argv.includes("--purge")).catch((error: unknown) => {
  const text = error instanceof ConfigurationError ? error.message : error;
  process.stderr.write(`teardown: ${text instanceof Error ? text.stack : text}\n`);
  process.exitCode = 1;
});
