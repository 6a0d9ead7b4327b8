import type { WorkerRecord } from "../workers/records.ts";
import { identity } from "../workers/worker.fake.ts";
import type { Observation, ObservedContainer } from "./observation.ts";

/** An observation with nothing in it but what is given. */
export function observation(changes: Partial<Observation> = {}): Observation {
  return {
    starting: [],
    live: [],
    records: [],
    containers: [],
    tasks: [],
    snapshots: [],
    logs: [],
    cgroups: [],
    leases: [],
    ...changes,
  };
}

/** A container of ours that runs and can be reached. */
export function container(id: string, changes: Partial<ObservedContainer> = {}): ObservedContainer {
  return {
    id,
    ours: true,
    identity: identity({ id, instanceId: `${id}'s` }),
    state: "running",
    endpoint: { host: "10.63.0.2", port: 8080 },
    attachmentId: `network of ${id}`,
    driver: "http",
    pid: 100,
    networkIntact: true,
    ...changes,
  };
}

/** A row that agrees with `container(id)`. */
export function record(id: string, changes: Partial<WorkerRecord> = {}): WorkerRecord {
  return {
    workerId: id,
    containerId: id,
    instanceId: `${id}'s`,
    function: "hello",
    slot: 0,
    owner: "gateway",
    state: "ACTIVE",
    reason: undefined,
    network: `network of ${id}`,
    lastAccessMs: 1_700_000_000_000,
    ...changes,
  } as WorkerRecord;
}
