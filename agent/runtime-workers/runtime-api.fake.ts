import type { Admission } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { AgentError } from "../errors.ts";
import type { RuntimeApi } from "./client.ts";

/** The process that serves the Runtime API, in memory: it can be killed and started again. */
export class FakeRuntimeApi implements RuntimeApi {
  readonly admissions = new Map<string, Admission>();
  readonly busy = new Set<string>();
  /** Calls that say something, such as "exited instance-1 3". */
  readonly calls: string[] = [];
  /** Whether some extension of each worker wants to be told of its end. */
  wantsTime = false;
  #up = true;
  #change = Promise.withResolvers<void>();

  kill(): void {
    this.admissions.clear();
    this.#set(false);
  }

  start(): void {
    this.#set(true);
  }

  assertReachable(): void {
    if (!this.#up) throw new AgentError("RUNTIME_UNAVAILABLE", "it does not answer");
  }

  async admit(admission: Admission): Promise<void> {
    this.#call(`admit ${admission.instanceId}`);
    this.admissions.set(admission.instanceId, admission);
  }

  async waitReady(): Promise<undefined> {
    this.#call("waitReady");
  }

  async isBusy(instanceId: string): Promise<boolean> {
    this.#call(`isBusy ${instanceId}`);
    return this.busy.has(instanceId);
  }

  async exited(instanceId: string, exitStatus: number): Promise<void> {
    this.#call(`exited ${instanceId} ${exitStatus}`);
  }

  async extensionExited(instanceId: string, exitStatus: number): Promise<void> {
    this.#call(`extensionExited ${instanceId} ${exitStatus}`);
  }

  async shutdown(instanceId: string, graceMs: number): Promise<boolean> {
    this.#call(`shutdown ${instanceId} ${graceMs}`);
    return this.wantsTime;
  }

  async forget(instanceId: string): Promise<void> {
    this.#call(`forget ${instanceId}`);
    this.admissions.delete(instanceId);
  }

  async list(): Promise<string[]> {
    return [...this.admissions.keys()];
  }

  connected(signal: AbortSignal): Promise<void> {
    return this.#until(true, signal);
  }

  disconnected(signal: AbortSignal): Promise<void> {
    return this.#until(false, signal);
  }

  [Symbol.dispose](): void {}

  async #until(up: boolean, signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => undefined);
    signal.addEventListener("abort", () => aborted.reject(signal.reason));
    while (this.#up !== up) await Promise.race([this.#change.promise, aborted.promise]);
  }

  #set(up: boolean): void {
    this.#up = up;
    this.#change.resolve();
    this.#change = Promise.withResolvers<void>();
  }

  #call(text: string): void {
    this.calls.push(text);
    if (!this.#up) throw new AgentError("RUNTIME_UNAVAILABLE", "nobody serves the Runtime API");
  }
}
