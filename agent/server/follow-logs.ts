import type { FollowLogsRequest, FollowLogsResponse } from "../../proto/gen/esb/agent/v1/agent.ts";
import type { LogPosition } from "../logs/files.ts";
import type { FollowedLines } from "../logs/follow.ts";
import type { LogOwner } from "../logs/names.ts";
import { logStreamName } from "../oci/environment.ts";
import type { WorkerService } from "../workers/service.ts";
import { toLine } from "./logs.ts";
import { parseFollowLogsRequest } from "./validate.ts";

/** What is needed to follow what workers print (O1). */
export interface LogFollower {
  /** Until the signal aborts. */
  follow(request: {
    readonly isWanted: (owner: LogOwner) => boolean;
    readonly positions: ReadonlyMap<string, LogPosition>;
    readonly sinceNs: bigint;
    readonly signal: AbortSignal;
  }): AsyncIterable<FollowedLines>;
}

export interface FollowLogsParts {
  readonly workers: Pick<WorkerService, "table">;
  readonly ready: () => void;
  readonly logFollower: LogFollower;
}

/** The contract's FollowLogs. It goes on while the runtime is away: logs are on disk. */
export async function* followLogsOf(
  { workers, ready, logFollower }: FollowLogsParts,
  message: FollowLogsRequest,
  signal: AbortSignal,
): AsyncGenerator<FollowLogsResponse, void> {
  const { owner, positions, sinceNs } = parseFollowLogsRequest(message);
  ready();
  /** What is told of a worker holds for its last words, too. */
  const names = new Map<string, { readonly function: string; readonly logStreamName: string }>();
  const isWanted = ({ id, instanceId }: LogOwner) => {
    const identity = workers.table.get(id)?.identity;
    if (identity?.instanceId !== instanceId || identity.owner !== owner) return false;
    if (!names.has(instanceId))
      names.set(instanceId, { function: identity.function, logStreamName: logStreamName(identity) });
    return true;
  };
  const present = () => new Set(workers.table.all().map(({ identity }) => identity.instanceId));
  let forgetAt = forgetFrom;
  for await (const { owner: worker, lines, position } of logFollower.follow({ isWanted, positions, sinceNs, signal })) {
    const { id: workerId, instanceId } = worker;
    const known = names.get(instanceId);
    if (known === undefined) continue;
    yield {
      workerId,
      ...known,
      lines: lines.map(toLine),
      position: { instanceId, file: BigInt(position.number), offset: BigInt(position.offset) },
    };
    if (names.size < forgetAt) continue;
    const alive = present().add(instanceId);
    for (const name of names.keys()) if (!alive.has(name)) names.delete(name);
    forgetAt = names.size + forgetFrom;
  }
  signal.throwIfAborted();
}

/** A stream lasts for months: names of workers that are gone are forgotten, so many at a time. */
const forgetFrom = 1000;
