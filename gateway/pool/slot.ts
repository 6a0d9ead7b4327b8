import type { FunctionDefinition } from "../functions/definition.ts";
import type { RemovalReason, WorkerInfo } from "./agent.ts";
import type { Lease, LeaseOutcome, WorkerConnection } from "./lease.ts";
import { idledBeforeMs } from "./policy.ts";
import { SlotCore } from "./slot-core.ts";
import type { SlotOptions } from "./slot-options.ts";
import { SlotRest } from "./slot-rest.ts";
import { SlotStart } from "./slot-start.ts";
import type { StartPriority } from "./starts.ts";
import { createLease, createMember, type Member, type SlotState, type SlotStateKind, type Starting } from "./state.ts";
import { resumeBehind } from "./thaw.ts";

/** One worker of a function through its life: one request at a time, frozen and destroyed when idle. */
export class Slot<C extends WorkerConnection> {
  readonly #core: SlotCore<C>;
  readonly #start: SlotStart<C>;
  readonly #rest: SlotRest<C>;

  constructor(options: SlotOptions<C>) {
    this.#core = new SlotCore(this, options, (action) => this.#rest.step(action));
    this.#rest = new SlotRest(this.#core);
    this.#start = new SlotStart(this.#core, this.#rest);
  }

  get kind(): SlotStateKind {
    return this.#core.state.kind;
  }

  get definition(): FunctionDefinition | undefined {
    return this.#core.definition;
  }

  /** Whether it is to go as soon as its request has ended. */
  get retired(): boolean {
    return this.#core.retired;
  }

  /** The start that is under way. */
  get starting(): Starting<C> | undefined {
    return this.#core.state.kind === "starting" ? this.#core.state : undefined;
  }

  /** Whether a lease will do: the worker is known to be made as it should. */
  get checked(): boolean {
    return "member" in this.#core.state && this.#core.state.member.definition !== undefined;
  }

  /** Since when nobody uses its worker, by the clock. */
  get idleSinceMs(): number {
    return this.#core.idle.sinceMs;
  }

  /** The worker it holds, for comparison with what the agent lists. */
  get instanceId(): string | undefined {
    const held = this.#core.state.kind === "starting" ? this.#core.state.before : this.#core.state;
    return "member" in held ? held.member.info.instanceId : undefined;
  }

  /** Takes the worker for one request; undefined when it cannot serve right now. Never waits. */
  lease(): Lease<C> | undefined {
    const state = this.#core.state;
    if (state.kind !== "idle" && state.kind !== "frozen" && state.kind !== "freezing") return undefined;
    const { member } = state;
    const { agent, inFlight } = this.#core.options;
    const { definition } = member;
    if (definition === undefined) return undefined;
    const release = (outcome: LeaseOutcome) => this.#release(member, outcome);
    const linger = () => inFlight.clear(member.info.instanceId);
    if (state.kind === "idle") {
      inFlight.mark(member.info.instanceId);
      this.#core.state = { kind: "busy", member };
      return createLease(member, definition, undefined, linger, release);
    }
    // While nobody tells of changes, a frozen worker may be gone and its address another's (S7): thaw first, see prepare.
    if (!agent.live) return undefined;
    inFlight.mark(member.info.instanceId);
    const wasFrozen = state.kind === "frozen" && !state.perhaps;
    const done = state.kind === "freezing" ? resumeBehind(state.pause, agent, member.info) : agent.resume(member.info);
    this.#core.thaw.follow(done);
    this.#core.state = { kind: "busy", member };
    return createLease(member, definition, { done, wasFrozen }, linger, release);
  }

  /** Makes a worker where there is none. */
  start(definition: FunctionDefinition, priority: StartPriority): void {
    const { state } = this.#core;
    if (state.kind === "absent") this.#start.begin(state, definition, priority);
  }

  /** Does what a worker that is there needs so that `lease` can succeed; the owner is told the outcome. */
  prepare(): void {
    const { state, definition } = this.#core;
    if (state.kind === "condemned") this.#rest.destroy(state.member, 0);
    else if (state.kind === "idle" || state.kind === "freezing" || state.kind === "frozen") {
      if (state.member.definition === undefined && definition !== undefined) {
        this.#start.begin(state, definition, "request");
      } else if (state.kind === "freezing") void this.#rest.thawFirst(state.member, state.pause);
      else if (state.kind === "frozen") void this.#rest.thawFirst(state.member, Promise.resolve());
    }
  }

  /** Nobody waits any more: a start that is under way is given up. */
  cancelStart(): void {
    const told = this.#start.cancel();
    if (told !== undefined) this.#adopt(told, this.retired ? undefined : this.definition);
  }

  /** Whether its worker is still made as it should be; one that is not goes, when its request has ended. */
  retire(retired: boolean): void {
    this.#core.retired = retired;
    if (!retired) {
      this.#core.idle.rearm();
      return;
    }
    this.cancelStart();
    this.evict();
  }

  /** Destroys the worker if nobody uses it. */
  evict(): void {
    this.#rest.evict();
  }

  /** The agent tells of a worker in this slot. @param definition what a worker would be made from now */
  onChanged(info: WorkerInfo, definition: FunctionDefinition | undefined): void {
    const state = this.#core.state;
    if (state.kind === "absent") {
      this.#adopt(info, definition);
      return;
    }
    this.#start.onChanged(info);
    if (!("member" in state) || state.member.info.instanceId !== info.instanceId) return;
    if (info.state === "stopped") {
      this.onRemoved(info, "unknown");
      return;
    }
    // A list that did not have it was older than the worker.
    if (state.kind === "busy") state.member.removed = undefined;
    if (info.state === "paused" && state.kind === "idle") {
      state.member.connection.drop();
      this.#core.options.owner.onIdleEnd(this);
      this.#core.state = { kind: "frozen", member: state.member, perhaps: false };
      this.#core.idle.restart();
    } else if (info.state === "paused" && state.kind === "busy" && !this.#core.thaw.pending) {
      // Frozen from outside, or word of a freeze that we have undone already; thawing twice does no harm.
      this.#core.thaw.follow(this.#core.options.agent.resume(info));
    } else if (info.state === "running" && state.kind === "frozen") {
      this.#core.state = { kind: "frozen", member: state.member, perhaps: true };
      this.#core.idle.restart();
    }
  }

  /** The agent tells that a worker is gone. */
  onRemoved(info: WorkerInfo, reason: RemovalReason): void {
    const state = this.#core.state;
    this.#start.onGone(info.instanceId);
    if (!("member" in state) || state.member.info.instanceId !== info.instanceId) return;
    if (state.kind === "destroying") return;
    if (state.kind !== "busy") {
      this.#core.forget(state.member);
      return;
    }
    state.member.removed = reason;
    state.member.onRemoved?.(reason);
  }

  /** The agent's list has no such worker; a request or a call that is under way goes on until it finds out by itself. */
  onMissing(): void {
    const state = this.#core.state;
    this.#start.onGone(this.instanceId);
    if (!("member" in state) || state.kind === "destroying" || state.kind === "thawing") return;
    // Its address may soon be another's (S7): nobody else gets it.
    if (state.kind === "busy") state.member.removed ??= "missing";
    else this.#core.forget(state.member, state.kind === "condemned" ? "unlisted" : "missing");
  }

  #release(member: Member<C>, outcome: LeaseOutcome): void {
    const missing = member.removed === "missing";
    if (outcome === "gone" || (member.removed !== undefined && !missing)) this.#core.forget(member);
    // The list that does not have it may have been older: it must not come back.
    else if (outcome === "broken") this.#rest.destroy(member, 0);
    else if (missing) this.#core.forget(member, "missing");
    else if (this.#core.retired || !this.#core.options.owner.keeps()) this.#rest.destroy(member);
    else if (outcome === "frozen") this.#rest.staysFrozen(member);
    else this.#core.rest(member);
  }

  #adopt(info: WorkerInfo, definition: FunctionDefinition | undefined): void {
    if (this.#core.hasDestroyed(info.instanceId) || (info.state !== "running" && info.state !== "paused")) return;
    const { clock, connect, inFlight, owner } = this.#core.options;
    const member = createMember(info, connect(info), undefined, clock.now(), undefined);
    this.#core.definition = definition;
    this.#core.retired = definition === undefined;
    if (inFlight.isMarked(info.instanceId)) {
      this.#rest.destroyBusy(member);
      return;
    }
    if (definition === undefined) {
      this.#rest.destroy(member);
      return;
    }
    const state: SlotState<C> =
      info.state === "paused" ? { kind: "frozen", member, perhaps: false } : { kind: "idle", member };
    this.#core.state = state;
    owner.onChange();
    if (this.#core.state === state) this.#core.idle.restart(idledBeforeMs(info, clock.epochMs()));
  }
}
