import type { Driver, Endpoint, WorkerIdentity } from "../workers/runtime.ts";

/** On everything in containerd that is ours. */
export const ownershipLabels = { created_by: "edge-serverless-box" } as const;

/** Selects containers, images and snapshots that are ours, in containerd's filter language. */
export const ownershipFilter = `labels."created_by"==${ownershipLabels.created_by}`;

/** Of a worker from before this label: what every worker has at least. */
const leastMemoryBytes = 128 * 1024 ** 2;

export function isOurs(labels: Readonly<Record<string, string>>): boolean {
  return labels.created_by === ownershipLabels.created_by;
}

/** What a container remembers besides who the worker is. */
export interface Belongings {
  readonly endpoint: Endpoint;
  /** Names the network attachment; see WorkerNetwork. */
  readonly attachmentId: string;
  /** Absent for a worker from before this label. */
  readonly sourceAddress?: string | undefined;
  readonly driver: Driver;
}

const drivers: readonly Driver[] = ["http", "emulator", "runtime-api"];

/** A worker as its container's labels tell of it: readable in `ctr containers info`, and all that an agent needs. */
export function toLabels(
  identity: WorkerIdentity,
  { endpoint, attachmentId, sourceAddress, driver }: Belongings,
): Record<string, string> {
  const { tokenDigest } = identity;
  return {
    ...ownershipLabels,
    "esb.function": identity.function,
    "esb.slot": String(identity.slot),
    "esb.owner": identity.owner,
    "esb.image": identity.image,
    "esb.instance": identity.instanceId,
    "esb.spec": identity.specDigest,
    "esb.created-at-ms": String(identity.createdAtMs),
    "esb.memory": String(identity.memoryBytes),
    "esb.endpoint": `${endpoint.host}:${endpoint.port}`,
    "esb.network": attachmentId,
    "esb.driver": driver,
    ...(sourceAddress === undefined ? {} : { "esb.source-address": sourceAddress }),
    ...(tokenDigest === undefined ? {} : { "esb.token-sha256": tokenDigest }),
  };
}

/** @returns undefined when the labels are not those of a worker of ours */
export function fromLabels(
  id: string,
  labels: Readonly<Record<string, string>>,
): { identity: WorkerIdentity; belongings: Belongings } | undefined {
  const {
    "esb.function": name,
    "esb.slot": slot,
    "esb.owner": owner,
    "esb.image": image,
    "esb.instance": instanceId,
    "esb.spec": specDigest,
    "esb.created-at-ms": createdAtMs,
    "esb.memory": memoryBytes,
    "esb.endpoint": address,
    "esb.network": attachmentId,
    "esb.source-address": sourceAddress,
    "esb.driver": driver,
    "esb.token-sha256": tokenDigest,
  } = labels;
  const [, host, port] = /^(.+):(\d+)$/.exec(address ?? "") ?? [];
  if (
    !isOurs(labels) ||
    name === undefined ||
    slot === undefined ||
    owner === undefined ||
    image === undefined ||
    instanceId === undefined ||
    specDigest === undefined ||
    attachmentId === undefined ||
    host === undefined
  ) {
    return undefined;
  }
  return {
    identity: {
      id,
      function: name,
      slot: Number(slot),
      owner,
      image,
      instanceId,
      specDigest,
      createdAtMs: Number(createdAtMs ?? 0),
      memoryBytes: Number(memoryBytes ?? leastMemoryBytes),
      ...(tokenDigest === undefined ? {} : { tokenDigest }),
    },
    belongings: {
      endpoint: { host, port: Number(port) },
      attachmentId,
      // Workers from before this label were all of them HTTP servers.
      driver: drivers.find((known) => known === driver) ?? "http",
      ...(sourceAddress === undefined ? {} : { sourceAddress }),
    },
  };
}
