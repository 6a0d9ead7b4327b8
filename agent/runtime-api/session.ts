import { constants } from "node:os";
import { invokeEvent } from "./extension-events.ts";
import { exited, extensionExited, initTimedOut, payloadOf } from "./failures.ts";
import type { EventPoll, Invocation, Poll } from "./invocation.ts";
import { type Effect, step, type WorkerEvent } from "./model/machine.ts";
import type { RefusalName } from "./model/refusals.ts";
import { type Activity, activityOf, extensionsWork, newWorker, type WorkerState } from "./model/state.ts";
import { QuietWaiters } from "./quiet.ts";
import type { InitFailure, InitResult, SessionParts, Worker } from "./worker.ts";

/** A runtime that asked, and whose connection went, has so long to ask again when an invocation waits for it. */
const awayMs = 2000;
/** Exit status of a process that SIGKILL has ended. */
const killed = 128 + constants.signals.SIGKILL;

/** A worker's order of events, with those who wait for them. One start of one worker has one session. */
export class WorkerSession {
  readonly worker: Worker;
  readonly #parts: SessionParts;
  #state: WorkerState;
  #poll: Poll | undefined;
  /** The last that got an invocation and has not sent all of it. */
  #delivered: Poll | undefined;
  readonly #eventPolls = new Map<string, EventPoll>();
  readonly #quiet = new QuietWaiters();
  /** With the runtime. */
  #current: Invocation | undefined;
  #waiting: Invocation | undefined;
  #shutdown: object = {};
  readonly #init = Promise.withResolvers<InitResult>();
  #initBegan: number | undefined;
  #cancelInitTimeout: (() => void) | undefined;
  #failure: InitFailure | undefined;

  constructor(worker: Worker, parts: SessionParts) {
    this.worker = worker;
    this.#parts = parts;
    this.#state = newWorker(worker.extensions);
  }

  get activity(): Activity {
    return activityOf(this.#state);
  }

  /** Whether an extension has not finished with the last invocation. */
  get extensionsWork(): boolean {
    return extensionsWork(this.#state);
  }

  /** See QuietWaiters. */
  whenQuiet(callback: (takes: boolean) => void): () => void {
    return this.#quiet.wait(this.activity, callback);
  }

  /** Ends with the init phase. The first call starts its clock. */
  waitReady(): Promise<InitResult> {
    if (this.#initBegan === undefined) {
      this.#initBegan = this.#parts.now();
      this.#parts.observer.initStarted();
      if (this.#state.life === "init") {
        this.#cancelInitTimeout = this.#parts.after(this.worker.initTimeoutMs, () => {
          this.#failure ??= { ...initTimedOut(this.worker.initTimeoutMs), payload: Buffer.alloc(0) };
          this.#apply({ on: "init-timeout" });
        });
      }
    }
    return this.#init.promise;
  }

  /** The runtime asks for an invocation. */
  next(poll: Poll): RefusalName | undefined {
    const former = this.#poll;
    // In place before the step, which may deliver to it at once.
    this.#poll = poll;
    const refused = this.#apply({ on: "next" });
    if (refused !== undefined) this.#poll = former;
    else former?.close();
    return refused;
  }

  /** The poll's connection has gone, or it has sent its invocation. */
  pollOver(poll: Poll): void {
    if (this.#delivered === poll) this.#delivered = undefined;
    if (this.#poll !== poll) return;
    this.#poll = undefined;
    this.#apply({ on: "poll-lost" });
    this.#awaitReturn();
  }

  /** The runtime begins to answer. The caller of this ends it by `answered` or `answerLost`. */
  beginAnswer(requestId: string): Invocation | RefusalName {
    return this.#apply({ on: "answer", id: requestId }) ?? this.#current ?? "noAnswer";
  }

  /** @param failure AWS's name of what went wrong @param bytes of the answer */
  answered(invocation: Invocation, failure: string | undefined, bytes: number): void {
    if (this.#current !== invocation) return;
    this.#current = undefined;
    this.#parts.observer.runtimeDone(invocation, failure, bytes);
    this.#apply({ on: "answer-done" });
  }

  /** The answer broke off before anything of it was passed on: it may come once more. */
  answerLost(invocation: Invocation): void {
    if (this.#current === invocation) this.#apply({ on: "answer-lost" });
  }

  /** Whether this invocation is still the runtime's to answer. */
  isOpen(invocation: Invocation): boolean {
    return this.#current === invocation;
  }

  initError(failure: InitFailure): RefusalName | undefined {
    return this.#withFailure(failure, { on: "init-error" });
  }

  register(identifier: string, name: string, events: readonly string[]): RefusalName | undefined {
    return this.#apply({ on: "register", identifier, name, events });
  }

  hasExtension(identifier: string): boolean {
    return this.#state.extensions.has(identifier);
  }

  /** Whether the worker is still in its init phase. */
  get initializing(): boolean {
    return this.#state.life === "init";
  }

  nameOf(identifier: string): string {
    return this.#state.extensions.get(identifier)?.name ?? "";
  }

  eventNext(identifier: string, poll: EventPoll): RefusalName | undefined {
    const former = this.#eventPolls.get(identifier);
    this.#eventPolls.set(identifier, poll);
    const refused = this.#apply({ on: "extension-next", identifier });
    if (refused === undefined) former?.close();
    else if (former === undefined) this.#eventPolls.delete(identifier);
    else this.#eventPolls.set(identifier, former);
    return refused;
  }

  eventPollLost(identifier: string, poll: EventPoll): void {
    if (this.#eventPolls.get(identifier) !== poll) return;
    this.#eventPolls.delete(identifier);
    this.#apply({ on: "extension-poll-lost", identifier });
  }

  extensionError(identifier: string, failure: InitFailure): RefusalName | undefined {
    return this.#withFailure(failure, { on: "extension-error", identifier });
  }

  /** Takes an invocation, or turns it away. */
  invoke(invocation: Invocation): void {
    if (this.#state.waiting === undefined) this.#waiting = invocation;
    const refused = this.#step({ on: "invoke", ticket: invocation });
    if (refused === undefined) {
      this.#awaitReturn();
      return;
    }
    if (this.#waiting === invocation) this.#waiting = undefined;
    invocation.caller.turnAway(refused === "busy" ? "busy" : "gone");
  }

  callerGone(invocation: Invocation): void {
    if (this.#waiting === invocation) this.#waiting = undefined;
    this.#apply({ on: "caller-gone", ticket: invocation.ticket });
  }

  /** @returns how many extensions are told */
  shutdown(reason: string, deadlineMs: number): number {
    this.#shutdown = { eventType: "SHUTDOWN", shutdownReason: reason, deadlineMs };
    this.#apply({ on: "shutdown" });
    this.#parts.observer.ending();
    return [...this.#state.extensions.values()].filter(({ events }) => events.includes("SHUTDOWN")).length;
  }

  /** The process has ended; @param exitStatus as containerd has it */
  exited(exitStatus: number): void {
    this.#withFailure({ ...exited(exitStatus), payload: Buffer.alloc(0) }, { on: "exited" });
  }

  /** The process of an external extension has ended; @param exitStatus as containerd has it */
  extensionExited(exitStatus: number): void {
    // When the runtime's process ends, the kernel kills all others first: how that one ended is still to be told.
    if (this.activity === "ended" || exitStatus === killed) return;
    this.#withFailure({ ...extensionExited(exitStatus), payload: Buffer.alloc(0) }, { on: "extension-exited" });
  }

  /** Nothing of the worker is left: whoever still waits is let go. */
  close(): void {
    const current = this.#current;
    this.#current = undefined;
    current?.caller.cut();
    this.exited(0);
    this.#poll?.close();
    for (const poll of this.#eventPolls.values()) poll.close();
    this.#eventPolls.clear();
    this.#poll = undefined;
    this.#parts.observer.closed();
  }

  /** The agent tells of a runtime's end, but may be away itself. */
  #awaitReturn(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#state.runtime !== "away") return;
    this.#parts.after(awayMs, () => {
      if (this.#waiting === waiting) this.#apply({ on: "away-too-long" });
    });
  }

  #withFailure(failure: InitFailure, event: WorkerEvent): RefusalName | undefined {
    const former = this.#failure;
    this.#failure ??= failure;
    const refused = this.#apply(event);
    if (refused !== undefined) this.#failure = former;
    return refused;
  }

  #apply(event: WorkerEvent): RefusalName | undefined {
    const refused = this.#step(event);
    return refused === "busy" || refused === "gone" ? "noAnswer" : refused;
  }

  #step(event: WorkerEvent): RefusalName | "busy" | "gone" | undefined {
    const { state, effects } = step(this.#state, event);
    this.#state = state;
    let refused: RefusalName | "busy" | "gone" | undefined;
    for (const effect of effects) {
      if (effect.do === "refuse") refused = effect.because;
      else this.#carryOut(effect);
    }
    if (this.#quiet.any) this.#quiet.tell(this.activity);
    return refused;
  }

  #carryOut(effect: Exclude<Effect, { readonly do: "refuse" }>): void {
    switch (effect.do) {
      case "ready":
        this.#endInit(undefined);
        break;
      case "init-failed":
        this.#endInit(this.#failure ?? { ...exited(0), payload: Buffer.alloc(0) });
        break;
      case "deliver":
        this.#deliver(effect.extensions);
        break;
      case "tell-shutdown":
        for (const identifier of effect.extensions) this.#tell(identifier, this.#shutdown);
        break;
      case "fail":
        this.#fail();
        break;
      case "turn-away":
        this.#waiting?.caller.turnAway("gone");
        this.#waiting = undefined;
        break;
    }
  }

  #endInit(failure: InitFailure | undefined): void {
    this.#cancelInitTimeout?.();
    this.#parts.observer.initEnded(failure, this.#state.extensions.values());
    if (failure !== undefined) this.#parts.onInitFailed(failure);
    const initMs = this.#initBegan === undefined ? 0 : this.#parts.now() - this.#initBegan;
    this.#init.resolve({ failure, initMs });
  }

  #deliver(extensions: readonly string[]): void {
    const invocation = this.#waiting;
    const poll = this.#poll;
    if (invocation === undefined || poll === undefined) return;
    this.#waiting = undefined;
    this.#poll = undefined;
    this.#current = invocation;
    // Who has the next one has read the one before, or never will: events that nobody reads do not pile up.
    this.#delivered?.close();
    this.#delivered = poll;
    // Before anything can run that belongs behind it: what is printed bears its own time.
    this.#parts.observer.started(invocation);
    poll.deliver(invocation);
    for (const identifier of extensions) this.#tell(identifier, invokeEvent(invocation));
  }

  #tell(identifier: string, event: object): void {
    const poll = this.#eventPolls.get(identifier);
    this.#eventPolls.delete(identifier);
    poll?.deliver(event);
  }

  #fail(): void {
    const invocation = this.#current;
    if (invocation === undefined) return;
    this.#current = undefined;
    const failure = this.#failure ?? exited(0);
    this.#parts.observer.runtimeDone(invocation, failure.errorType, 0);
    invocation.caller.fail([payloadOf(invocation.requestId, failure)], "application/json");
  }
}
