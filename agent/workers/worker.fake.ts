import type { FunctionSpec, WorkerIdentity } from "./runtime.ts";
import type { LiveWorker } from "./worker.ts";

export const mebibyte = 1024 * 1024;

export function functionSpec(changes: Partial<FunctionSpec> = {}): FunctionSpec {
  return {
    name: "hello",
    image: "localhost/hello:1",
    command: [],
    environment: {},
    memoryBytes: 128 * mebibyte,
    timeoutMs: 3000,
    tmpBytes: 512 * mebibyte,
    pullPolicy: "if-not-present",
    handler: "",
    ...changes,
  };
}

export function identity(changes: Partial<WorkerIdentity> = {}): WorkerIdentity {
  return {
    id: "hello-0",
    function: "hello",
    slot: 0,
    owner: "gateway",
    image: "localhost/hello:1",
    instanceId: "instance-1",
    specDigest: "0123456789abcdef",
    createdAtMs: 1_700_000_000_000,
    memoryBytes: 128 * mebibyte,
    ...changes,
  };
}

export function liveWorker(changes: Partial<WorkerIdentity> = {}, rest: Partial<LiveWorker> = {}): LiveWorker {
  return {
    state: "running",
    identity: identity(changes),
    endpoint: { host: "10.63.0.2", port: 8080 },
    pid: 100,
    attachmentId: "attachment-1",
    driver: "http",
    lastAccessMs: 1_700_000_000_000,
    ...rest,
  };
}
