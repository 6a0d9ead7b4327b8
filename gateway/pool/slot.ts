import type { FunctionDefinition } from "../functions/definition.ts";
import type { RemovalReason, WorkerInfo } from "./agent.ts";
import { IdleTimer } from "./idle-timer.ts";
import type { Lease, LeaseOutcome, WorkerConnection } from "./lease.ts";
import { idledBeforeMs } from "./policy.ts";
import type { SlotOptions } from "./slot-options.ts";
import type { StartPriority } from "./starts.ts";
import {
  createLease,
  createMember,
  isResting,
  type Member,
  type SlotState,
  type SlotStateKind,
  type Starting,
} from "./state.ts";
import { PendingThaw, resumeBehind } from "./thaw.ts";

/** After a freeze or a destroy that failed. */
const retryAfterMs = 1000;

/** One worker of a function through its life: one request at a time, frozen and destroyed when idle. */
export class Slot<C extends WorkerConnection> {
  readonly #options: SlotOptions<C>;
  readonly #idle: IdleTimer;
  /** What its worker is made from, or was taken over under. */
  #definition: FunctionDefinition | undefined;
  #retired = false;
  #state: SlotState<C> = { kind: "absent" };
  /** A freeze waits for it. */
  readonly #thaw = new PendingThaw(() => this.#idle.rearm());
  #destroyed: string | undefined;
  /** What the agent has told of while we waited for an Ensure. */
  #told: WorkerInfo | undefined;

  constructor(options: SlotOptions<C>) {
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

  get definition(): FunctionDefinition | undefined {
    return this.#definition;
  }

  /** Whether it is to go as soon as its request has ended. */
  get retired(): boolean {
    return this.#retired;
  }

  /** The start that is under way. */
  get starting(): Starting<C> | undefined {
    return this.#state.kind === "starting" ? this.#state : undefined;
  }

  /** Whether a lease will do: the worker is known to be made as it should. */
  get checked(): boolean {
    return "member" in this.#state && this.#state.member.definition !== undefined;
  }

  /** Since when nobody uses its worker, by the clock. */
  get idleSinceMs(): number {
    return this.#idle.sinceMs;
  }

  /** The worker it holds, for comparison with what the agent lists. */
  get instanceId(): string | undefined {
    const held = this.#state.kind === "starting" ? this.#state.before : this.#state;
    return "member" in held ? held.member.info.instanceId : undefined;
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

  /** Makes a worker where there is none. */
  start(definition: FunctionDefinition, priority: StartPriority): void {
    if (this.#state.kind === "absent") this.#start(definition, priority);
  }

  /** Does what a worker that is there needs so that `lease` can succeed; the owner is told the outcome. */
  prepare(): void {
    const state = this.#state;
    if (state.kind === "condemned") this.#destroy(state.member, 0);
    else if (state.kind === "idle" || state.kind === "freezing" || state.kind === "frozen") {
      if (state.member.definition === undefined && this.#definition !== undefined) {
        this.#start(this.#definition, "request");
      } else if (state.kind === "freezing") void this.#thawFirst(state.member, state.pause);
      else if (state.kind === "frozen") void this.#thawFirst(state.member, Promise.resolve());
    }
  }

  /** Nobody waits any more: a start that is under way is given up. */
  cancelStart(): void {
    if (this.#state.kind !== "starting") return;
    const { abort, before } = this.#state;
    this.#fallBack(this.#state);
    abort.abort();
    // The agent may have been done already, with the answer on its way.
    if (before.kind === "absent" && this.#told !== undefined) {
      this.#adopt(this.#told, this.#retired ? undefined : this.#definition);
    } else if (this.kind === "absent" && before.kind !== "absent") this.#options.owner.onGone();
    else this.#idle.rearm();
  }

  /** Whether its worker is still made as it should be; one that is not goes, when its request has ended. */
  retire(retired: boolean): void {
    this.#retired = retired;
    if (!retired) {
      this.#idle.rearm();
      return;
    }
    this.cancelStart();
    this.evict();
  }

  /** Destroys the worker if nobody uses it. */
  evict(): void {
    if (isResting(this.#state)) this.#destroy(this.#state.member);
  }

  /** The agent tells of a worker in this slot. @param definition what a worker would be made from now */
  onChanged(info: WorkerInfo, definition: FunctionDefinition | undefined): void {
    const state = this.#state;
    if (state.kind === "absent") {
      this.#adopt(info, definition);
      return;
    }
    if (state.kind === "starting") this.#told = info;
    if (!("member" in state) || state.member.info.instanceId !== info.instanceId) return;
    if (info.state === "stopped") {
      this.onRemoved(info, "unknown");
      return;
    }
    // A list that did not have it was older than the worker.
    if (state.kind === "busy") state.member.removed = undefined;
    if (info.state === "paused" && state.kind === "idle") {
      state.member.connection.drop();
      this.#options.owner.onIdleEnd(this);
      this.#state = { kind: "frozen", member: state.member, perhaps: false };
      this.#idle.restart();
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
    if (state.kind === "starting") state.gone = info.instanceId;
    if (!("member" in state) || state.member.info.instanceId !== info.instanceId) return;
    if (state.kind === "destroying") return;
    if (state.kind !== "busy") {
      this.#forget(state.member);
      return;
    }
    state.member.removed = reason;
    state.member.onRemoved?.(reason);
  }

  /** The agent's list has no such worker; a request or a call that is under way goes on until it finds out by itself. */
  onMissing(): void {
    const state = this.#state;
    if (state.kind === "starting") state.gone = this.instanceId;
    if (!("member" in state) || state.kind === "destroying" || state.kind === "thawing") return;
    // Its address may soon be another's (S7): nobody else gets it.
    state.member.removed ??= "missing";
    if (state.kind !== "busy") this.#forget(state.member);
  }

  #release(member: Member<C>, outcome: LeaseOutcome): void {
    if (outcome === "gone" || member.removed !== undefined) this.#forget(member);
    else if (outcome === "broken") this.#destroy(member, 0);
    else if (this.#retired || !this.#options.owner.keeps(this)) this.#destroy(member);
    else this.#rest(member);
  }

  #rest(member: Member<C>): void {
    this.#state = { kind: "idle", member };
    if (this.#options.owner.serves(this)) return;
    // Nobody has waited for it: its next request finds it warm.
    member.firstStart = undefined;
    this.#idle.begin();
    this.#options.owner.onIdle(this);
    this.#idle.rearm();
  }

  #start(definition: FunctionDefinition, priority: StartPriority): void {
    const { clock, connect, onStarted, owner, slot, starter } = this.#options;
    const before = this.#state;
    const state: Starting<C> = {
      kind: "starting",
      abort: new AbortController(),
      before,
      priority,
      begun: false,
      gone: undefined,
      sinceMs: clock.now(),
    };
    this.#state = state;
    this.#definition = definition;
    this.#retired = false;
    this.#told = undefined;
    const { signal } = state.abort;
    const onTurn = (begun: boolean) => {
      state.begun = begun;
    };
    const adopted = before.kind !== "absent";
    starter.start({ definition, slot, adopted, priority, signal, onTurn }).then(
      (started) => {
        if (this.#state !== state) return;
        if ("member" in before) before.member.connection.close();
        onStarted(started);
        const phases = started.kind === "cold" ? started.phases : undefined;
        const first = { kind: started.kind, phases };
        const member = createMember(started.worker, connect(started.worker), definition, clock.now(), first);
        if (state.gone === started.worker.instanceId) {
          this.#state = { kind: "destroying", member };
          this.#forget(member);
        } else this.#rest(member);
      },
      (error: unknown) => {
        if (this.#state !== state) return;
        this.#fallBack(state);
        this.#idle.rearm(retryAfterMs);
        owner.onFailure(error, priority);
      },
    );
  }

  /** A start has come to nothing: what was there before is there again, unless it has gone since. */
  #fallBack({ before, gone }: Starting<C>): void {
    this.#state = before;
    if (!("member" in before)) return;
    // The agent may have thawed it for us.
    if (before.kind !== "idle") this.#state = { kind: "frozen", member: before.member, perhaps: true };
    if (gone !== before.member.info.instanceId) return;
    before.member.connection.close();
    this.#state = { kind: "absent" };
    this.#options.owner.onLost(this.#options.clock.now() - before.member.sinceMs);
  }

  #adopt(info: WorkerInfo, definition: FunctionDefinition | undefined): void {
    if (info.instanceId === this.#destroyed || (info.state !== "running" && info.state !== "paused")) return;
    const { clock, connect, owner } = this.#options;
    const member = createMember(info, connect(info), undefined, clock.now(), undefined);
    this.#definition = definition;
    this.#retired = definition === undefined;
    if (definition === undefined) {
      this.#destroy(member);
      return;
    }
    const state: SlotState<C> =
      info.state === "paused" ? { kind: "frozen", member, perhaps: false } : { kind: "idle", member };
    this.#state = state;
    owner.onChange();
    if (this.#state === state) this.#idle.restart(idledBeforeMs(info, clock.epochMs()));
  }

  #idlesFrozen(): boolean | undefined {
    if (this.#state.kind === "idle") return false;
    return this.#state.kind === "frozen" ? !this.#state.perhaps : undefined;
  }

  #step(action: "freeze" | "destroy"): void {
    const state = this.#state;
    if (state.kind !== "idle" && state.kind !== "frozen") return;
    if (!this.#options.agent.live) this.#idle.rearm(retryAfterMs);
    else if (action === "destroy") {
      if (this.#options.owner.lets(this)) this.#destroy(state.member);
    } else if (!this.#thaw.pending) this.#freeze(state.member);
  }

  #freeze(member: Member<C>): void {
    // The worker's own keep-alive timer goes on while it is frozen and would close the connection under the request
    // that thaws it; a new connection waits in the kernel instead.
    member.connection.drop();
    const pause = this.#options.agent.pause(member.info);
    const state: SlotState<C> = { kind: "freezing", member, pause };
    this.#options.owner.onIdleEnd(this);
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
        const perhaps = this.#options.isAway(error);
        this.#state = perhaps ? { kind: "frozen", member, perhaps } : { kind: "idle", member };
        if (!perhaps && !this.#options.owner.serves(this)) this.#options.owner.onIdle(this);
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
      this.#rest(member);
    } catch (error) {
      if (this.#state !== state) return;
      if (this.#options.isGone(error)) {
        this.#forget(member);
        return;
      }
      // The agent may have thawed it before it went.
      this.#state = { kind: "frozen", member, perhaps: true };
      this.#idle.rearm(retryAfterMs);
      this.#options.owner.onFailure(error, "request");
    }
  }

  #destroy(member: Member<C>, graceMs?: number): void {
    member.connection.close();
    this.#idle.stop();
    const { agent, clock, isGone, onTrouble, owner } = this.#options;
    if (this.#state.kind === "idle") owner.onIdleEnd(this);
    this.#state = { kind: "destroying", member };
    agent.destroy(member.info, graceMs).then(
      () => this.#forget(member, true),
      (error: unknown) => {
        if (isGone(error)) {
          this.#forget(member, true);
          return;
        }
        const condemned: SlotState<C> = { kind: "condemned", member };
        this.#state = condemned;
        clock.after(retryAfterMs, () => {
          if (this.#state === condemned) this.#destroy(member, 0);
        });
        onTrouble("destroy", member.info, error);
        owner.onFailure(error, this.#retired ? "none" : "request");
      },
    );
  }

  /** The worker does not exist any more. @param intended whether we have destroyed it */
  #forget(member: Member<C>, intended = false): void {
    if (!("member" in this.#state) || this.#state.member !== member) return;
    const { clock, owner } = this.#options;
    member.connection.close();
    this.#idle.stop();
    if (this.#state.kind === "idle") owner.onIdleEnd(this);
    // One that a list did not have may still be told of: its Ensure's answer may have overtaken the list.
    this.#destroyed = member.removed === "missing" ? undefined : member.info.instanceId;
    this.#state = { kind: "absent" };
    if (!intended) owner.onLost(clock.now() - member.sinceMs);
    owner.onGone();
  }
}
