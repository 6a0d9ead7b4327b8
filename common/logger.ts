import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

/** Lines that cannot be written yet, a full disk's for instance, are kept up to this; what comes then is lost. */
const mostWaitingBytes = 1024 * 1024;

/** JSON lines on standard output: one event a line, its fields beside its message. */
export function createLogger(component: string, level: string): Logger {
  const output = pino.destination({ fd: process.stdout.fd, maxLength: mostWaitingBytes });
  // Without a listener a line that cannot be written would end the process.
  output.on("error", () => undefined);
  return pino(
    {
      level,
      base: { component },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
}
