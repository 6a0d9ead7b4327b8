import {
  LogStream,
  type LogsRequest,
  type LogsResponse,
  type LogLine as ProtoLine,
} from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentError } from "../errors.ts";
import type { LogLine } from "../logs/lines.ts";
import type { LogRequest } from "../logs/read.ts";
import type { WorkerService } from "../workers/service.ts";
import { parseLogsRequest } from "./validate.ts";

/** What is needed to read workers' logs (W9). */
export interface LogReader {
  /** In batches, oldest first, also what was printed while no agent ran. */
  read(
    worker: { readonly id: string; readonly instanceId: string },
    request: LogRequest,
    isThere: () => boolean,
    signal: AbortSignal,
  ): AsyncIterable<LogLine[]>;
}

export interface LogsParts {
  readonly workers: Pick<WorkerService, "table">;
  readonly ready: () => void;
  readonly logs: LogReader;
}

const streams = { stdout: LogStream.STDOUT, stderr: LogStream.STDERR };

/** The contract's Logs. A worker that is known can be read also while the runtime is away: its log is on disk. */
export async function* logsOf(
  { workers, ready, logs }: LogsParts,
  message: LogsRequest,
  signal: AbortSignal,
): AsyncGenerator<LogsResponse, void> {
  const { id, instanceId, ...request } = parseLogsRequest(message);
  const worker = workers.table.get(id);
  if (worker === undefined) ready();
  if (worker === undefined || (instanceId !== undefined && worker.identity.instanceId !== instanceId)) {
    const which = instanceId === undefined ? id : `${id} (${instanceId})`;
    throw new AgentError("WORKER_NOT_FOUND", `there is no worker ${which}`);
  }
  const { identity } = worker;
  const isThere = () => workers.table.get(id)?.identity.instanceId === identity.instanceId;
  for await (const lines of logs.read(identity, request, isThere, signal)) yield { lines: lines.map(toLine) };
  // An end without an error says that the worker is gone.
  signal.throwIfAborted();
}

/** A line as the contract has it. */
export function toLine({ timeNs, stream, extension, text, partial }: LogLine): ProtoLine {
  return { timeNs, stream: streams[stream], extension, text, partial };
}
