import type { PresentRecord, WorkerRecord, WorkerRecords } from "./records.ts";

/** Records in memory, by the contract of WorkerRecords. */
export class FakeRecords implements WorkerRecords {
  readonly #records = new Map<string, WorkerRecord>();

  save(record: WorkerRecord): void {
    this.#records.set(record.workerId, record);
  }

  get(workerId: string): WorkerRecord | undefined {
    return this.#records.get(workerId);
  }

  getContainerId(workerId: string): string | undefined {
    return this.get(workerId)?.containerId;
  }

  fail(workerId: string, reason: string): void {
    const record = this.get(workerId);
    if (record === undefined || record.state === "ERROR") return;
    this.save({ ...record, state: "ERROR", reason, containerId: undefined });
  }

  remove(workerId: string): void {
    this.#records.delete(workerId);
  }

  all(): WorkerRecord[] {
    return [...this.#records.values()];
  }
}

/** Last access of a record, where the test does not care. */
export const recordedMs = 1_700_000_000_000;

/** A record of a worker that is there. */
export function record(changes: Partial<PresentRecord> = {}): PresentRecord {
  return {
    workerId: "hello-0",
    containerId: "hello-0",
    instanceId: "instance-1",
    function: "hello",
    slot: 0,
    owner: "gateway",
    state: "ACTIVE",
    reason: undefined,
    network: "attachment-1",
    lastAccessMs: recordedMs,
    ...changes,
  };
}
