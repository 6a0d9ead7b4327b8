/** Whose log it is: the instance tells it from those who had the id before. */
export interface LogOwner {
  readonly id: string;
  readonly instanceId: string;
}

export interface LogName extends LogOwner {
  /** Files of one worker are numbered from 1 in the order in which they were written. */
  readonly number: number;
}

/** A file's name up to its number: what the logging driver is told. */
export function logStem({ id, instanceId }: LogOwner): string {
  return `${id}.${instanceId}`;
}

export function logFileName(name: LogName): string {
  return `${logStem(name)}.${name.number}.log`;
}

/** @returns undefined when no logging driver of ours has made a file of this name */
export function parseLogFileName(fileName: string): LogName | undefined {
  const [, id, instanceId, number] = /^(.+)\.([0-9A-Za-z-]+)\.([1-9]\d{0,14})\.log$/.exec(fileName) ?? [];
  return id === undefined || instanceId === undefined ? undefined : { id, instanceId, number: Number(number) };
}

/** The worker that a file in the folder of logs belongs to, for the sweep (S3). */
export function workerIdOfLog(fileName: string): string | undefined {
  return parseLogFileName(fileName)?.id;
}
