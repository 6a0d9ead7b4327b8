import { createLogger, createOutput, type Logger } from "../logger.ts";
import type { SettingValues } from "../settings.ts";
import { victoriaLogsSender } from "./send.ts";
import { LogShipper } from "./shipper.ts";

export const logShippingSettings = ["LOG_LEVEL", "ESB_LOGS_URL", "ESB_LOGS_BUFFER_MIB"] as const;

/** What a process that ends waits for its last lines. */
const closeWithinMs = 2000;

export interface ShippedLog {
  readonly logger: Logger;
  /** Undefined: lines only go to standard output. */
  readonly shipper: LogShipper | undefined;
  /** A line that is not of the process itself: shipped, or where nothing is, written to standard output. */
  emit(line: string): void;
  /** Ships what is left. Takes two seconds at most. */
  close(): Promise<void>;
}

/** A process's log: lines on standard output, and the same ones to VictoriaLogs where there is one (O1). */
export function openShippedLog(
  component: string,
  settings: SettingValues<(typeof logShippingSettings)[number]>,
): ShippedLog {
  const { LOG_LEVEL: level, ESB_LOGS_URL: url, ESB_LOGS_BUFFER_MIB: bufferMib } = settings;
  const output = createOutput();
  const own = createLogger(component, level, undefined, output);
  if (url === undefined)
    return {
      logger: own,
      shipper: undefined,
      emit: (line) => void output.write(line),
      close: async () => undefined,
    };
  const shipper = new LogShipper({
    sender: victoriaLogsSender(url),
    mostBytes: bufferMib * 2 ** 20,
    log: own,
  });
  return {
    logger: createLogger(component, level, (line) => shipper.ship(line), output),
    shipper,
    emit: (line) => shipper.ship(line),
    close: () => shipper.close(closeWithinMs),
  };
}
