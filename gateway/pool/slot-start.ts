import type { FunctionDefinition } from "../functions/definition.ts";
import type { EnsuredWorker, WorkerInfo } from "./agent.ts";
import type { WorkerConnection } from "./lease.ts";
import { retryAfterMs, type SlotCore } from "./slot-core.ts";
import type { SlotRest } from "./slot-rest.ts";
import type { StartPriority } from "./starts.ts";
import { createMember, type Startable, type Starting } from "./state.ts";

/** How a slot comes to a worker: one is made, or one from before is looked at. */
export class SlotStart<C extends WorkerConnection> {
  readonly #core: SlotCore<C>;
  readonly #rest: SlotRest<C>;
  /** What the agent has told of while we waited for an Ensure. */
  #told: WorkerInfo | undefined;

  constructor(core: SlotCore<C>, rest: SlotRest<C>) {
    this.#core = core;
    this.#rest = rest;
  }

  /** @param before the slot's state */
  begin(before: Startable<C>, definition: FunctionDefinition, priority: StartPriority): void {
    const { clock, owner, slot, starter } = this.#core.options;
    const state: Starting<C> = {
      kind: "starting",
      abort: new AbortController(),
      before,
      priority,
      begun: false,
      gone: undefined,
      sinceMs: clock.now(),
    };
    this.#core.state = state;
    this.#core.definition = definition;
    this.#core.retired = false;
    this.#told = undefined;
    const { signal } = state.abort;
    const onTurn = (begun: boolean) => {
      state.begun = begun;
    };
    const adopted = before.kind !== "absent";
    starter.start({ definition, slot, adopted, priority, signal, onTurn }).then(
      (started) => {
        if (this.#core.state === state) this.#onStarted(started, definition, state);
      },
      (error: unknown) => {
        if (this.#core.state !== state) return;
        this.#fallBack(state);
        this.#core.idle.rearm(retryAfterMs);
        owner.onFailure(error, priority);
      },
    );
  }

  /**
   * Gives up a start that is under way, if one is.
   * @returns a worker that has come of it all the same, as the agent has told
   */
  cancel(): WorkerInfo | undefined {
    const { state } = this.#core;
    if (state.kind !== "starting") return undefined;
    this.#fallBack(state);
    state.abort.abort();
    // The agent may have been done already, with the answer on its way.
    if (state.before.kind === "absent" && this.#told !== undefined) return this.#told;
    if (this.#core.state.kind === "absent" && state.before.kind !== "absent") this.#core.options.owner.onGone();
    else this.#core.idle.rearm();
    return undefined;
  }

  /** The agent tells of a worker in this slot. */
  onChanged(info: WorkerInfo): void {
    if (this.#core.state.kind === "starting") this.#told = info;
  }

  /** The agent tells that a worker is gone, or its list lacks the one from before. */
  onGone(instanceId: string | undefined): void {
    if (this.#told?.instanceId === instanceId) this.#told = undefined;
    if (this.#core.state.kind === "starting") this.#core.state.gone = instanceId;
  }

  #onStarted(started: EnsuredWorker, definition: FunctionDefinition, { before, gone }: Starting<C>): void {
    const { clock, connect, inFlight, onStarted } = this.#core.options;
    if (before.kind !== "absent") before.member.connection.close();
    if (inFlight.isMarked(started.worker.instanceId)) {
      // Found before the agent has told which workers there are.
      const { worker } = started;
      this.#rest.destroyBusy(createMember(worker, connect(worker), definition, clock.now(), undefined));
      return;
    }
    onStarted(started);
    const phases = started.kind === "cold" ? started.phases : undefined;
    const first = { kind: started.kind, phases };
    const member = createMember(started.worker, connect(started.worker), definition, clock.now(), first);
    if (gone === started.worker.instanceId) {
      this.#core.state = { kind: "destroying", member };
      this.#core.forget(member);
    } else this.#core.rest(member);
  }

  /** A start has come to nothing: what was there before is there again, unless it has gone since. */
  #fallBack({ before, gone }: Starting<C>): void {
    this.#core.state = before;
    if (before.kind === "absent") return;
    const { member } = before;
    // The agent may have thawed it for us.
    if (before.kind !== "idle") this.#core.state = { kind: "frozen", member, perhaps: true };
    if (gone !== member.info.instanceId) return;
    member.connection.close();
    this.#core.state = { kind: "absent" };
    const { clock, owner } = this.#core.options;
    owner.onLost(clock.now() - member.sinceMs);
  }
}
