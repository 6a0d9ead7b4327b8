import { ConfigurationError } from "../common/environment.ts";
import { createLogger } from "../common/logger.ts";
import { composeAgent } from "./compose.ts";
import { readAgentSettings } from "./config.ts";
import type { ContainerdClient } from "./containerd/client.ts";
import { absentAsUndefined } from "./containerd/inspect.ts";
import { listLeases, removeLeases } from "./containerd/leases.ts";
import { AgentError } from "./errors.ts";
import { removeDatabase } from "./store/files.ts";

const listTimeoutMs = 30_000;
const collectionTimeoutMs = 5 * 60 * 1000;

/**
 * Removes every worker and the network, with no agent running; `--purge` also removes the images and the namespace.
 * Part of `npm run down`. What cannot be removed doesn't keep the rest.
 * @throws AggregateError that tells of all that could not be removed
 */
async function teardown(purge: boolean): Promise<void> {
  const settings = readAgentSettings(process.env);
  const logger = createLogger("teardown", settings.LOG_LEVEL);
  const { client, network, runtime, runtimeApi, logs } = await composeAgent(settings, logger);
  const failures: unknown[] = [];
  const attempt = async (work: () => Promise<unknown>) => {
    await work().catch((error: unknown) => failures.push(error));
  };

  await attempt(async () => {
    const workers = await runtime.list(AbortSignal.timeout(listTimeoutMs));
    await Promise.all(workers.map(({ id }) => attempt(() => runtime.destroy(id, settings.ESB_DESTROY_GRACE_MS))));
    if (purge) await removeNamespace(client).catch((error) => failures.push(client.translate(error, "purging")));
  });
  await attempt(() => network.teardown());
  await attempt(() => network.close());
  await attempt(() => logs.removeAll());
  await attempt(() => removeDatabase(settings.ESB_STATE_DIR));
  client.close();
  runtimeApi[Symbol.dispose]();

  const away = failures.filter((error) => error instanceof AgentError && error.code === "RUNTIME_UNAVAILABLE");
  if (away.length > 0) logger.warn({ err: away[0] }, "no containerd, so its workers cannot be removed");
  const others = failures.filter((error) => !away.includes(error));
  if (others.length > 0) throw new AggregateError(others, "not all could be removed");
}

/** Images by the names that containerd has them by: `ctr` may have given them names that no reference has. */
async function removeNamespace(client: ContainerdClient): Promise<void> {
  await removeLeases(client, await listLeases(client, AbortSignal.timeout(listTimeoutMs)));
  const { images } = await client.images.list({});
  for (const { name } of images) {
    await absentAsUndefined(client.images.delete({ name, sync: true }, { deadline: collectionTimeoutMs }));
  }
  await absentAsUndefined(client.namespaces.delete({ name: client.namespace }));
}

teardown(process.argv.includes("--purge")).catch((error: unknown) => {
  const causes = error instanceof AggregateError ? error.errors : [error];
  for (const cause of causes) {
    const text = cause instanceof ConfigurationError ? cause.message : cause;
    process.stderr.write(`teardown: ${text instanceof Error ? text.stack : text}\n`);
  }
  process.exitCode = 1;
});
