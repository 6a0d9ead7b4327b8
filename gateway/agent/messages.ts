import {
  Driver,
  type EnsureResponse,
  type FunctionSpec,
  PullPolicy,
  RemovalReason,
  StartKind,
  type Worker,
  WorkerState,
} from "../../proto/gen/esb/agent/v1/agent.ts";
import type { FunctionDefinition } from "../functions/definition.ts";
import type * as pool from "../pool/agent.ts";

const pullPolicies = {
  "if-not-present": PullPolicy.IF_NOT_PRESENT,
  always: PullPolicy.ALWAYS,
  never: PullPolicy.NEVER,
} as const;

const drivers = {
  auto: Driver.UNSPECIFIED,
  api: Driver.RUNTIME_API,
  emulator: Driver.EMULATOR,
  http: Driver.HTTP,
} as const;

const states: Readonly<Record<number, pool.WorkerInfo["state"]>> = {
  [WorkerState.STARTING]: "starting",
  [WorkerState.RUNNING]: "running",
  [WorkerState.PAUSED]: "paused",
};

const kinds: Readonly<Record<number, pool.StartKind>> = {
  [StartKind.WARM]: "warm",
  [StartKind.THAWED]: "thawed",
};

const reasons: Readonly<Record<number, pool.RemovalReason>> = {
  [RemovalReason.DESTROYED]: "destroyed",
  [RemovalReason.EXITED]: "exited",
  [RemovalReason.OUT_OF_MEMORY]: "out-of-memory",
  [RemovalReason.REPLACED]: "replaced",
  [RemovalReason.NETWORK_LOST]: "network-lost",
};

export function toFunctionSpec(definition: FunctionDefinition): FunctionSpec {
  return {
    name: definition.name,
    image: definition.image,
    command: [...definition.command],
    environment: { ...definition.environment },
    memoryMib: definition.memoryMib,
    timeoutMs: definition.timeoutMs,
    tmpMib: definition.tmpMib,
    pullPolicy: pullPolicies[definition.pullPolicy],
    handler: definition.handler,
    driver: drivers[definition.runtime],
  };
}

/** A state that this gateway does not know is taken as stopped: nothing is sent there. */
export function toWorkerInfo(worker: Worker): pool.WorkerInfo {
  return {
    id: worker.id,
    instanceId: worker.instanceId,
    function: worker.function,
    slot: worker.slot,
    host: worker.host,
    port: worker.port,
    state: states[worker.state] ?? "stopped",
    lastAccessMs: Number(worker.lastAccessMs),
    ...(worker.sourceAddress === "" ? {} : { sourceAddress: worker.sourceAddress }),
    ...(worker.driver === Driver.RUNTIME_API ? { runtimeApi: true as const } : {}),
    ...(worker.tokenDigest === "" ? {} : { tokenDigest: worker.tokenDigest }),
  };
}

/** undefined when the answer has no worker, which breaks the contract. */
export function toEnsuredWorker(response: EnsureResponse): pool.EnsuredWorker | undefined {
  if (response.worker === undefined) return undefined;
  const phases = response.phases;
  return {
    worker: toWorkerInfo(response.worker),
    kind: kinds[response.startKind] ?? "cold",
    phases: {
      image: phases?.imageMs ?? 0,
      snapshot: phases?.snapshotMs ?? 0,
      network: phases?.networkMs ?? 0,
      create: phases?.createMs ?? 0,
      start: phases?.startMs ?? 0,
      ready: phases?.readyMs ?? 0,
      total: phases?.totalMs ?? 0,
    },
  };
}

export function toRemovalReason(reason: RemovalReason): pool.RemovalReason {
  return reasons[reason] ?? "unknown";
}
