import type { WorkerConnection } from "./lease.ts";
import { retryAfterMs, type SlotCore } from "./slot-core.ts";
import { isResting, type Member, type SlotState } from "./state.ts";
import { resumeBehind } from "./thaw.ts";

/** What becomes of a worker that nobody uses: it is frozen, thawed again and destroyed. */
export class SlotRest<C extends WorkerConnection> {
  readonly #core: SlotCore<C>;

  constructor(core: SlotCore<C>) {
    this.#core = core;
  }

  /** The worker has idled for long enough. */
  step(action: "freeze" | "destroy"): void {
    const { state, options, idle, thaw } = this.#core;
    if (state.kind !== "idle" && state.kind !== "frozen") return;
    if (!options.agent.live) idle.rearm(retryAfterMs);
    else if (action === "destroy") {
      if (options.owner.lets()) this.destroy(state.member);
    } else if (!thaw.pending) this.#freeze(state.member);
  }

  /** Thaws a worker before it serves; the owner is told the outcome. @param pause a freeze that may be under way */
  async thawFirst(member: Member<C>, pause: Promise<void>): Promise<void> {
    const core = this.#core;
    const { agent, isGone, owner } = core.options;
    const state: SlotState<C> = { kind: "thawing", member };
    core.state = state;
    try {
      await resumeBehind(pause, agent, member.info);
      if (core.state !== state) return;
      member.firstStart = { kind: "thawed", phases: undefined };
      core.rest(member);
    } catch (error) {
      if (core.state !== state) return;
      if (isGone(error)) {
        core.forget(member);
        return;
      }
      this.#unthawed(member);
      owner.onFailure(error, "request");
    }
  }

  /** A worker was leased, and could not be thawed because the agent was away. */
  staysFrozen(member: Member<C>): void {
    const { inFlight, owner } = this.#core.options;
    inFlight.clear(member.info.instanceId);
    this.#unthawed(member);
    owner.onChange();
  }

  /** The agent may have thawed it before it went. */
  #unthawed(member: Member<C>): void {
    this.#core.state = { kind: "frozen", member, perhaps: true };
    this.#core.idle.rearm(retryAfterMs);
  }

  /** Destroys the worker if nobody uses it. */
  evict(): void {
    const { state } = this.#core;
    if (isResting(state)) this.destroy(state.member);
  }

  /** Destroys the worker, again and again until it is gone. @param graceMs absent: the agent's default */
  destroy(member: Member<C>, graceMs?: number): void {
    const core = this.#core;
    const { agent, clock, isGone, onTrouble, owner } = core.options;
    member.connection.close();
    core.idle.stop();
    if (core.state.kind === "idle") owner.onIdleEnd(core.slot);
    core.state = { kind: "destroying", member };
    agent.destroy(member.info, graceMs).then(
      () => core.forget(member, "destroyed"),
      (error: unknown) => {
        if (isGone(error)) {
          core.forget(member, "destroyed");
          return;
        }
        const condemned: SlotState<C> = { kind: "condemned", member };
        core.state = condemned;
        clock.after(retryAfterMs, () => {
          if (core.state === condemned) this.destroy(member, 0);
        });
        onTrouble("destroy", member.info, error);
        owner.onFailure(error, core.retired ? "none" : "request");
      },
    );
  }

  /** Destroys a worker that was found busy with a request that nobody waits for any more. */
  destroyBusy(member: Member<C>): void {
    const { onFoundBusy, owner } = this.#core.options;
    onFoundBusy(member.info);
    this.destroy(member, 0);
    // Those who wait may have another meanwhile.
    owner.onChange();
  }

  #freeze(member: Member<C>): void {
    const core = this.#core;
    const { agent, isAway, isGone, onTrouble, owner } = core.options;
    // The worker's own keep-alive timer goes on while it is frozen and would close the connection under the request
    // that thaws it; a new connection waits in the kernel instead.
    member.connection.drop();
    const pause = agent.pause(member.info);
    const state: SlotState<C> = { kind: "freezing", member, pause };
    owner.onIdleEnd(core.slot);
    core.state = state;
    pause.then(
      () => {
        if (core.state !== state) return;
        core.state = { kind: "frozen", member, perhaps: false };
        core.idle.rearm();
      },
      (error: unknown) => {
        if (core.state !== state) return;
        if (isGone(error)) {
          core.forget(member);
          return;
        }
        onTrouble("freeze", member.info, error);
        // A worker that may be frozen is thawed with its next request, which does no harm if it runs.
        const perhaps = isAway(error);
        core.state = perhaps ? { kind: "frozen", member, perhaps } : { kind: "idle", member };
        if (!perhaps && !owner.serves(core.slot)) owner.onIdle(core.slot);
        core.idle.rearm(retryAfterMs);
      },
    );
  }
}
