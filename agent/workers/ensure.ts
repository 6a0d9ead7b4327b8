import { randomUUID } from "node:crypto";
import type { Logger } from "../../common/logger.ts";
import { AgentError, errorTable, undone } from "../errors.ts";
import { AbandonedError, exitError } from "./exit-error.ts";
import type { ExitNotices } from "./exits.ts";
import { specDigest, workerId } from "./identity.ts";
import { newLambdaAccess, tokenDigest } from "./lambda-access.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { type PhaseDurations, phaseTimer } from "./phases.ts";
import { PortTakenError, waitUntilListening } from "./ready.ts";
import { waitUntilInitialised } from "./ready-init.ts";
import type {
  FunctionSpec,
  LambdaAccess,
  MeasurePhase,
  RuntimeWorker,
  StartRequest,
  WorkerIdentity,
  WorkerRuntime,
} from "./runtime.ts";
import type { WorkerTable } from "./table.ts";
import type { LiveWorker, RemovalReason } from "./worker.ts";

export interface EnsureRequest {
  readonly function: FunctionSpec;
  readonly slot: number;
  readonly owner: string;
}

export interface EnsureResult {
  readonly worker: LiveWorker;
  readonly startKind: "warm" | "thawed" | "cold";
  readonly phases: PhaseDurations;
  readonly totalMs: number;
}

export interface EnsureParts {
  readonly runtime: WorkerRuntime;
  readonly table: WorkerTable;
  readonly exits: ExitNotices;
  readonly memory: Pick<MemoryBudget, "reserve">;
  readonly readyTimeoutMs: number;
  readonly now: () => number;
  readonly logger: Pick<Logger, "warn">;
}

/** A container that appears between our look and our try is looked at again; more often than this, somebody fights us. */
const triesAgainstOthers = 3;

const triesToInit = 2;

type Started = Pick<EnsureResult, "worker" | "startKind">;

type Decision = "use" | "thaw" | "replace" | "create" | "refuse";

/** W6: what an existing container, or none, means for an Ensure. */
export function decide(existing: RuntimeWorker | undefined, wanted: { owner: string; specDigest: string }): Decision {
  if (existing === undefined) return "create";
  // Also one that somebody else made under the id: what appears there is taken over, not an error.
  if (existing.identity === undefined) return "replace";
  if (existing.identity.owner !== wanted.owner) return "refuse";
  if (existing.identity.specDigest !== wanted.specDigest || existing.endpoint === undefined) return "replace";
  if (existing.state === "running") return "use";
  return existing.state === "paused" ? "thaw" : "replace";
}

/** Brings a worker about, whatever is there now. The caller holds the worker's lock. A failure leaves nothing behind. */
export async function ensureWorker(
  parts: EnsureParts,
  request: EnsureRequest,
  signal: AbortSignal,
): Promise<EnsureResult> {
  const begun = performance.now();
  const { durations, measure } = phaseTimer();
  const access = newLambdaAccess(request.function.lambdaEndpoint);
  const identity = newIdentity(request, parts.now(), access);
  const take = async (lookFirst: boolean): Promise<Started | undefined> => {
    const existing = lookFirst ? await parts.runtime.inspect(identity.id, signal) : undefined;
    const decision = decide(existing, identity);
    if (decision === "refuse") {
      const owner = existing?.identity?.owner;
      throw new AgentError("WORKER_CONFLICT", `worker ${identity.id} belongs to ${owner}, not to ${request.owner}`);
    }
    if (decision === "use" || decision === "thaw")
      return reuse(parts, live(existing, parts.now()), decision, measure, signal);
    const present = parts.table.all().map((worker) => worker.identity);
    using _memory = parts.memory.reserve(identity, present);
    if (lookFirst) {
      // Also when its container is gone: somebody else who removed it knows nothing of its network and its log.
      await parts.runtime.destroy(identity.id, 0, "anybody's");
      parts.table.remove(identity.id, decision === "replace" ? "replaced" : "exited");
    }
    const wanted = { identity, function: request.function, access };
    return { startKind: "cold", worker: await create(parts, wanted, measure, signal) };
  };

  for (let attempt = 1; attempt <= triesAgainstOthers; attempt += 1) {
    try {
      // A worker that we don't know of most likely isn't there; if it is, the runtime says so, and we look then.
      const started = await take(attempt > 1 || parts.table.get(identity.id) !== undefined);
      if (started !== undefined) return { ...started, phases: durations, totalMs: performance.now() - begun };
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== "CONTAINER_EXISTS") throw error;
    }
  }
  throw new AgentError("WORKER_CONFLICT", `worker ${identity.id} is changed by somebody else at the same time`);
}

/** Takes a container that is there. @returns undefined when it turned out to be of no use, or to have gone meanwhile */
async function reuse(
  parts: EnsureParts,
  worker: LiveWorker,
  decision: "use" | "thaw",
  measure: MeasurePhase,
  signal: AbortSignal,
): Promise<Started | undefined> {
  const { id } = worker.identity;
  try {
    if (decision === "thaw") await parts.runtime.resume(id, signal);
    parts.table.set(worker);
    await untilReady(parts, worker, measure, signal);
    return { worker, startKind: decision === "thaw" ? "thawed" : "warm" };
  } catch (error) {
    if (signal.aborted || !(error instanceof AgentError)) throw error;
    // It ended, or somebody thawed it, between our look and our try.
    if (error.code === "WORKER_NOT_FOUND" || error.code === "WORKER_CONFLICT") return undefined;
    if (errorTable[error.code].fault !== "function" && !(error instanceof AbandonedError)) throw error;
    await parts.runtime.destroy(id, 0);
    parts.table.remove(id, removalReason(error));
    return undefined;
  }
}

async function create(
  parts: EnsureParts,
  wanted: StartRequest,
  measure: MeasurePhase,
  signal: AbortSignal,
): Promise<LiveWorker> {
  const { table } = parts;
  try {
    const worker = await startUntilReady(parts, wanted, measure, signal);
    table.set(worker);
    return worker;
  } catch (error) {
    table.remove(wanted.identity.id, removalReason(error));
    throw error;
  }
}

/**
 * When somebody else was quicker to the worker's port, it gets another one. An init phase that failed is tried once more,
 * as AWS does, and has the function's own time then
 * (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, "Failures during the Init phase");
 * nobody may take the second worker for the first, so it is another instance.
 */
async function startUntilReady(
  parts: EnsureParts,
  wanted: StartRequest,
  measure: MeasurePhase,
  signal: AbortSignal,
): Promise<LiveWorker> {
  const { runtime, table, logger } = parts;
  let { identity } = wanted;
  for (let attempt = 1, inits = 1; ; attempt += 1) {
    const starting = { state: "starting", identity } as const;
    table.set(starting);
    const onPlaced: StartRequest["onPlaced"] = ({ sourceAddress }) => table.set({ ...starting, sourceAddress });
    const request = { ...wanted, identity, onPlaced, initAgain: inits > 1 };
    const worker = live(await runtime.start(request, measure, signal), parts.now());
    try {
      await untilReady(parts, worker, measure, signal);
      return worker;
    } catch (error) {
      const failure = await undone(error, () => runtime.destroy(identity.id, 0));
      if (failure instanceof AgentError && failure.code === "WORKER_INIT_FAILED") {
        const { errorType, errorMessage } = failure.functionError ?? {};
        logger.warn({ worker: identity.id, errorType, errorMessage }, "an init phase failed");
        if (inits === triesToInit) throw failure;
        inits += 1;
        identity = { ...identity, instanceId: randomUUID() };
      } else if (!(failure instanceof PortTakenError) || attempt === triesAgainstOthers) throw failure;
    }
  }
}

function removalReason(error: unknown): RemovalReason {
  const code = error instanceof AgentError ? error.code : undefined;
  if (code === "WORKER_OUT_OF_MEMORY") return "out-of-memory";
  const isExit = code === "WORKER_EXITED" || code === "WORKER_INIT_FAILED" || error instanceof AbandonedError;
  return isExit ? "exited" : "destroyed";
}

async function untilReady(
  parts: EnsureParts,
  worker: LiveWorker,
  measure: MeasurePhase,
  signal: AbortSignal,
): Promise<void> {
  const { id } = worker.identity;
  using notice = parts.exits.expect(id, worker.pid);
  if (worker.driver === "runtime-api") {
    const initialised = () => parts.runtime.initialised(worker.identity, signal);
    await measure("ready", () => waitUntilInitialised(id, { initialised, exit: notice.exit }));
    return;
  }
  const exited = notice.exit.then((exit) => Promise.reject(exitError(id, exit)));
  exited.catch(() => undefined);
  await measure("ready", () =>
    waitUntilListening(worker.endpoint, {
      timeoutMs: parts.readyTimeoutMs,
      exited,
      signal,
      isOwn: () => parts.runtime.isListener(worker.endpoint, worker.pid),
    }),
  );
}

/** @throws AgentError INTERNAL when the runtime returned a worker that cannot be used, against its contract */
function live(worker: RuntimeWorker | undefined, lastAccessMs: number): LiveWorker {
  const { identity, endpoint } = worker ?? {};
  if (worker === undefined || identity === undefined || endpoint === undefined) {
    throw new AgentError("INTERNAL", "the runtime returned a worker without identity or endpoint");
  }
  const { driver, pid, attachmentId, sourceAddress } = worker;
  return { state: "running", identity, endpoint, driver, pid, attachmentId, sourceAddress, lastAccessMs };
}

function newIdentity(request: EnsureRequest, createdAtMs: number, access: LambdaAccess | undefined): WorkerIdentity {
  return {
    id: workerId(request.function.name, request.slot, request.owner),
    function: request.function.name,
    slot: request.slot,
    owner: request.owner,
    image: request.function.image,
    instanceId: randomUUID(),
    specDigest: specDigest(request.function),
    createdAtMs,
    memoryBytes: request.function.memoryBytes,
    tokenDigest: access && tokenDigest(access.sessionToken),
  };
}
