import { type FunctionDefinition, sameDefinition } from "../functions/definition.ts";
import type { RemovalReason, WorkerInfo } from "./agent.ts";
import { IdleTimer } from "./idle-timer.ts";
import type { Lease, LeaseOutcome, WorkerConnection } from "./lease.ts";
import type { SlotOptions } from "./slot-options.ts";
import { createLease, createMember, type Member, type SlotState, type SlotStateKind } from "./state.ts";
import { PendingThaw, resumeBehind } from "./thaw.ts";

/** After a freeze or a destroy that failed. */
const retryAfterMs = 1000;

/** One worker of a function through its life: one request at a time, frozen and destroyed when idle. */
export class Slot<C extends WorkerConnection> {
  readonly #options: SlotOptions<C>;
  readonly #idle: IdleTimer;
  #definition: FunctionDefinition | undefined;
  #state: SlotState<C> = { kind: "absent" };
  /** A freeze waits for it. */
  readonly #thaw = new PendingThaw(() => this.#idle.rearm());
  #destroyed: string | undefined;
  /** What the agent has told of while we waited for an Ensure. */
  #told: WorkerInfo | undefined;

  constructor(definition: FunctionDefinition | undefined, options: SlotOptions<C>) {
    this.#definition = definition;
    this.#options = options;
    this.#idle = new IdleTimer({
      clock: options.clock,
      limits: options.limits,
      frozen: () => this.#idlesFrozen(),
      onStep: (action) => this.#step(action),
    });
  }

  get kind(): SlotStateKind {
    return this.#state.kind;
  }

  /** The worker it holds, for comparison with what the agent lists. */
  get instanceId(): string | undefined {
    return "member" in this.#state ? this.#state.member.info.instanceId : undefined;
  }

  /** Takes the worker for one request; undefined when it cannot serve right now. Never waits. */
  lease(): Lease<C> | undefined {
    const state = this.#state;
    if (state.kind !== "idle" && state.kind !== "frozen" && state.kind !== "freezing") return undefined;
    const { member } = state;
    const { agent } = this.#options;
    const { definition } = member;
    if (definition === undefined) return undefined;
    const release = (outcome: LeaseOutcome) => this.#release(member, outcome);
    if (state.kind === "idle") {
      this.#state = { kind: "busy", member };
      return createLease(member, definition, undefined, release);
    }
    // While nobody tells of changes, a frozen worker may be gone and its address another's (S7): thaw first, see prepare.
    if (!agent.live) return undefined;
    const wasFrozen = state.kind === "frozen" && !state.perhaps;
    const done = state.kind === "freezing" ? resumeBehind(state.pause, agent, member.info) : agent.resume(member.info);
    this.#thaw.follow(done);
    this.#state = { kind: "busy", member };
    return createLease(member, definition, { done, wasFrozen }, release);
  }

  /** Does what is needed so that `lease` can succeed; onChange or onFailure tells the outcome. */
  prepare(): void {
    const state = this.#state;
    if (state.kind === "absent") this.#start();
    else if (state.kind === "condemned") this.#destroy(state.member, 0);
    else if (state.kind === "idle" || state.kind === "freezing" || state.kind === "frozen") {
      if (state.member.definition === undefined) this.#start();
      else if (state.kind === "freezing") void this.#thawFirst(state.member, state.pause);
      else if (state.kind === "frozen") void this.#thawFirst(state.member, Promise.resolve());
    }
  }

  /** Nobody waits any more: a start that is under way is given up. */
  cancelStart(): void {
    if (this.#state.kind !== "starting") return;
    const { abort, before } = this.#state;
    this.#state = before;
    abort.abort();
    // The agent may have been done already, with the answer on its way.
    if (before.kind === "absent" && this.#told !== undefined) this.#adopt(this.#told);
    else this.#idle.rearm();
  }

  /** What holds from now on; undefined: the function is not wanted any more. A worker made otherwise is replaced. */
  redefine(definition: FunctionDefinition | undefined): void {
    if (sameDefinition(this.#definition, definition)) return;
    this.#definition = definition;
    this.cancelStart();
    const state = this.#state;
    if ("member" in state && ["idle", "frozen", "freezing", "thawing"].includes(state.kind))
      this.#destroy(state.member);
  }

  /** The agent tells of a worker with this slot's id. */
  onChanged(info: WorkerInfo): void {
    const state = this.#state;
    if (state.kind === "absent") {
      this.#adopt(info);
      return;
    }
    if (state.kind === "starting") this.#told = info;
    if (!("member" in state) || state.member.info.instanceId !== info.instanceId) return;
    if (info.state === "stopped") {
      this.onRemoved(info, "unknown");
      return;
    }
    if (info.state === "paused" && state.kind === "idle") {
      state.member.connection.drop();
      this.#enter({ kind: "frozen", member: state.member, perhaps: false });
    } else if (info.state === "paused" && state.kind === "busy" && !this.#thaw.pending) {
      // Frozen from outside, or word of a freeze that we have undone already; thawing twice does no harm.
      this.#thaw.follow(this.#options.agent.resume(info));
    } else if (info.state === "running" && state.kind === "frozen") {
      this.#state = { kind: "frozen", member: state.member, perhaps: true };
      this.#idle.restart();
    }
  }

  /** The agent tells that a worker is gone. */
  onRemoved(info: WorkerInfo, reason: RemovalReason): void {
    const state = this.#state;
    if (this.#told?.instanceId === info.instanceId) this.#told = undefined;
    if (!("member" in state) || state.member.info.instanceId !== info.instanceId) return;
    if (state.kind === "destroying") return;
    if (state.kind !== "busy") {
      this.#forget(state.member);
      return;
    }
    state.member.removed = true;
    state.member.onRemoved?.(reason);
  }

  /** The agent's list has no such worker; a request or a call that is under way will find out by itself. */
  onMissing(): void {
    const state = this.#state;
    if ("member" in state && ["idle", "frozen", "freezing", "condemned"].includes(state.kind)) {
      this.#forget(state.member);
    }
  }

  #release(member: Member<C>, outcome: LeaseOutcome): void {
    if (outcome === "gone" || member.removed) this.#forget(member);
    else if (outcome === "broken") this.#destroy(member, 0);
    else if (!sameDefinition(member.definition, this.#definition)) this.#destroy(member);
    else {
      this.#state = { kind: "idle", member };
      this.#options.onChange();
      if (this.#state.kind === "idle") this.#idle.restart();
    }
  }

  #start(): void {
    const definition = this.#definition;
    if (definition === undefined) return;
    const { agent, slot, onStarted } = this.#options;
    const before = this.#state;
    const state: SlotState<C> = { kind: "starting", abort: new AbortController(), before };
    this.#state = state;
    this.#told = undefined;
    agent.ensure(definition, slot, state.abort.signal).then(
      (started) => {
        if (this.#state !== state) return;
        if ("member" in before) before.member.connection.close();
        onStarted(started);
        const connection = this.#options.connect(started.worker);
        const phases = started.kind === "cold" ? started.phases : undefined;
        this.#enter({
          kind: "idle",
          member: createMember(started.worker, connection, definition, { kind: started.kind, phases }),
        });
      },
      (error: unknown) => {
        if (this.#state !== state) return;
        this.#state = before;
        this.#idle.rearm(retryAfterMs);
        this.#options.onFailure(error);
      },
    );
  }

  #adopt(info: WorkerInfo): void {
    if (info.instanceId === this.#destroyed || (info.state !== "running" && info.state !== "paused")) return;
    const member = createMember(info, this.#options.connect(info), undefined, undefined);
    if (this.#definition === undefined) {
      this.#destroy(member);
      return;
    }
    this.#enter(info.state === "paused" ? { kind: "frozen", member, perhaps: false } : { kind: "idle", member });
  }

  /** Into a state in which nobody uses the worker. */
  #enter(state: SlotState<C>): void {
    this.#state = state;
    this.#options.onChange();
    if (this.#state === state) this.#idle.restart();
  }

  #idlesFrozen(): boolean | undefined {
    if (this.#state.kind === "idle") return false;
    return this.#state.kind === "frozen" ? !this.#state.perhaps : undefined;
  }

  #step(action: "freeze" | "destroy"): void {
    const state = this.#state;
    if (state.kind !== "idle" && state.kind !== "frozen") return;
    if (action === "destroy") this.#destroy(state.member);
    else if (!this.#options.agent.live) this.#idle.rearm(retryAfterMs);
    else if (!this.#thaw.pending) this.#freeze(state.member);
  }

  #freeze(member: Member<C>): void {
    // The worker's own keep-alive timer goes on while it is frozen and would close the connection under the request
    // that thaws it; a new connection waits in the kernel instead.
    member.connection.drop();
    const pause = this.#options.agent.pause(member.info);
    const state: SlotState<C> = { kind: "freezing", member, pause };
    this.#state = state;
    pause.then(
      () => {
        if (this.#state !== state) return;
        this.#state = { kind: "frozen", member, perhaps: false };
        this.#idle.rearm();
      },
      (error: unknown) => {
        if (this.#state !== state) return;
        if (this.#options.isGone(error)) {
          this.#forget(member);
          return;
        }
        this.#options.onTrouble("freeze", member.info, error);
        // A worker that may be frozen is thawed with its next request, which does no harm if it runs.
        this.#state = this.#options.isUncertain(error)
          ? { kind: "frozen", member, perhaps: true }
          : { kind: "idle", member };
        this.#idle.rearm(retryAfterMs);
      },
    );
  }

  async #thawFirst(member: Member<C>, pause: Promise<void>): Promise<void> {
    const state: SlotState<C> = { kind: "thawing", member };
    this.#state = state;
    try {
      await resumeBehind(pause, this.#options.agent, member.info);
      if (this.#state !== state) return;
      member.firstStart = { kind: "thawed", phases: undefined };
      this.#enter({ kind: "idle", member });
    } catch (error) {
      if (this.#state !== state) return;
      if (this.#options.isGone(error)) {
        this.#forget(member);
        return;
      }
      this.#state = { kind: "frozen", member, perhaps: false };
      this.#idle.rearm();
      this.#options.onFailure(error);
    }
  }

  #destroy(member: Member<C>, graceMs?: number): void {
    member.connection.close();
    this.#idle.stop();
    const state: SlotState<C> = { kind: "destroying", member };
    this.#state = state;
    const { agent, clock, isGone, onTrouble, onFailure } = this.#options;
    agent.destroy(member.info, graceMs).then(
      () => this.#forget(member),
      (error: unknown) => {
        if (isGone(error)) {
          this.#forget(member);
          return;
        }
        const condemned: SlotState<C> = { kind: "condemned", member };
        this.#state = condemned;
        clock.after(retryAfterMs, () => {
          if (this.#state === condemned) this.#destroy(member, 0);
        });
        onTrouble("destroy", member.info, error);
        onFailure(error);
      },
    );
  }

  /** The worker does not exist any more. */
  #forget(member: Member<C>): void {
    if (!("member" in this.#state) || this.#state.member !== member) return;
    member.connection.close();
    this.#idle.stop();
    this.#destroyed = member.info.instanceId;
    this.#state = { kind: "absent" };
    this.#options.onChange();
  }
}
