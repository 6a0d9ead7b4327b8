import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

/** Lines that cannot be written yet, a full disk's for instance, are kept up to this; what comes then is lost. */
const mostWaitingBytes = 1024 * 1024;

/** Standard output, as logs write to it. */
export function createOutput() {
  const output = pino.destination({ fd: process.stdout.fd, maxLength: mostWaitingBytes });
  // Without a listener a line that cannot be written would end the process.
  output.on("error", () => undefined);
  return output;
}

/**
 * JSON lines on standard output: one event a line, its fields beside its message.
 * @param onLine is given each line as well, with its end
 */
export function createLogger(
  component: string,
  level: string,
  onLine?: (line: string) => void,
  output = createOutput(),
): Logger {
  return pino(
    {
      level,
      base: { component },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    onLine === undefined ? output : both(output, onLine),
  );
}

function both(output: ReturnType<typeof createOutput>, onLine: (line: string) => void) {
  return {
    write(line: string) {
      output.write(line);
      onLine(line);
    },
    // By which pino sees to it that what is fatal is written before the end.
    flushSync: () => output.flushSync(),
  };
}
