import type { WorkerRecord, WorkerRecords } from "./records.ts";

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
