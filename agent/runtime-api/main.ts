import { join } from "node:path";
import closeWithGrace from "close-with-grace";
import { ConfigurationError, readSettings } from "../../common/environment.ts";
import { createLogger } from "../../common/logger.ts";
import { startRuntimeApi } from "./start.ts";

async function main(): Promise<void> {
  const settings = readSettings(["ESB_RUN_DIR", "LOG_LEVEL"], process.env);
  const logger = createLogger("runtime-api", settings.LOG_LEVEL);
  // Sockets are made for their owner alone.
  process.umask(0o077);
  const controlPath = join(settings.ESB_RUN_DIR, "runtime-api.sock");
  const running = await startRuntimeApi({ controlPath, logger });
  logger.info({ controlPath, pid: process.pid }, "listening");

  // Workers do not outlast this process: their runtimes exit with their polls. So it ends only with everything else.
  closeWithGrace({ delay: 5000, logger }, async ({ err, signal }) => {
    if (err !== undefined) logger.fatal({ err }, "ending after an error that nobody caught");
    else logger.info({ signal }, "ending");
    await running[Symbol.asyncDispose]();
    logger.info("ended");
  });
}

main().catch((error: unknown) => {
  const text = error instanceof ConfigurationError ? `runtime-api: ${error.message}` : error;
  process.stderr.write(`${text instanceof Error ? text.stack : text}\n`);
  process.exit(1);
});
