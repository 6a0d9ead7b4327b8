import closeWithGrace from "close-with-grace";
import { ConfigurationError, readSettings, unknownSettings } from "../common/environment.ts";
import { openShippedLog } from "../common/log-shipping/open.ts";
import { gatewaySettings, startGateway } from "./start.ts";

/** What an orderly end takes beside the time that requests have. */
const closeWithinMs = 5000;

try {
  const configuration = readSettings(gatewaySettings, process.env);
  const log = openShippedLog("gateway", configuration);
  const { logger } = log;
  for (const warning of unknownSettings(process.env)) logger.warn(warning);
  const gateway = await startGateway(configuration, process.env, logger, log);
  const delay = configuration.ESB_DRAIN_TIMEOUT_MS + closeWithinMs;
  // A second signal ends it at once.
  const ending = closeWithGrace({ delay, logger: { error: (message) => logger.error(message) } }, async (event) => {
    if (event.err !== undefined) logger.fatal({ err: event.err }, "gateway fails");
    else logger.info({ signal: event.signal }, "gateway stops");
    await gateway.close();
    await log.close();
  });
  void gateway.lost.then(() => ending.close());
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  // A mistake of the person who starts us: no stack.
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
