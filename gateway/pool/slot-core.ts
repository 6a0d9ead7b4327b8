import type { FunctionDefinition } from "../functions/definition.ts";
import { IdleTimer } from "./idle-timer.ts";
import type { WorkerConnection } from "./lease.ts";
import type { IdleStep } from "./policy.ts";
import type { Slot } from "./slot.ts";
import type { SlotOptions } from "./slot-options.ts";
import type { Member, SlotState } from "./state.ts";
import { PendingThaw } from "./thaw.ts";

/** After a freeze, a destroy or a start that failed. */
export const retryAfterMs = 1000;

/** What the parts of a slot have in common: its state, and the moves that more than one of them makes. */
export class SlotCore<C extends WorkerConnection> {
  readonly options: SlotOptions<C>;
  /** As its owner knows it. */
  readonly slot: Slot<C>;
  readonly idle: IdleTimer;
  /** A freeze waits for it. */
  readonly thaw = new PendingThaw(() => this.idle.rearm());
  state: SlotState<C> = { kind: "absent" };
  /** What its worker is made from, or was taken over under. */
  definition: FunctionDefinition | undefined;
  /** Whether it is to go as soon as its request has ended. */
  retired = false;
  #destroyed: string | undefined;

  /** @param onIdled called when the worker has idled for long enough */
  constructor(slot: Slot<C>, options: SlotOptions<C>, onIdled: (action: IdleStep["action"]) => void) {
    this.slot = slot;
    this.options = options;
    this.idle = new IdleTimer({
      clock: options.clock,
      limits: options.limits,
      frozen: () => this.#idlesFrozen(),
      onStep: onIdled,
    });
  }

  /** Whether this worker is known to be gone: the agent's word of it is late. */
  hasDestroyed(instanceId: string): boolean {
    return this.#destroyed === instanceId;
  }

  /** The worker runs and is free. */
  rest(member: Member<C>): void {
    const { inFlight, owner } = this.options;
    this.state = { kind: "idle", member };
    if (owner.serves(this.slot)) return;
    inFlight.clear(member.info.instanceId);
    // Nobody has waited for it: its next request finds it warm.
    member.firstStart = undefined;
    this.idle.begin();
    owner.onIdle(this.slot);
    this.idle.rearm();
  }

  /**
   * The worker does not exist any more.
   * @param end whether we have destroyed it, or a list did not have it: such a one may still be told of, since its Ensure's
   * answer may have overtaken the list; `unlisted`: we could not destroy it, and should it be there, it is still busy
   */
  forget(member: Member<C>, end: "destroyed" | "lost" | "missing" | "unlisted" = "lost"): void {
    if (!("member" in this.state) || this.state.member !== member) return;
    const { clock, inFlight, owner } = this.options;
    member.connection.close();
    if (end !== "unlisted") inFlight.clear(member.info.instanceId);
    this.idle.stop();
    if (this.state.kind === "idle") owner.onIdleEnd(this.slot);
    this.#destroyed = end === "missing" ? undefined : member.info.instanceId;
    this.state = { kind: "absent" };
    if (end !== "destroyed") owner.onLost(clock.now() - member.sinceMs);
    owner.onGone();
  }

  #idlesFrozen(): boolean | undefined {
    if (this.state.kind === "idle") return false;
    return this.state.kind === "frozen" ? !this.state.perhaps : undefined;
  }
}
