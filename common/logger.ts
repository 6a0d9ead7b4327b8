import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

/** JSON lines on standard output: one event a line, its fields beside its message. */
export function createLogger(component: string, level: string): Logger {
  return pino({
    level,
    base: { component },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  });
}
