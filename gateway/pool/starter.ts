import type { EnsuredWorker, WorkerAgent } from "./agent.ts";
import type { Room } from "./room.ts";
import type { Starter, StartRequest } from "./slot-options.ts";
import type { StartGuard } from "./start-guard.ts";
import type { Starts } from "./starts.ts";

export interface WorkerStarterOptions {
  readonly agent: Pick<WorkerAgent, "ensure">;
  /** For workers that are there; `starts` asks it for all others. */
  readonly guard: StartGuard;
  readonly starts: Pick<Starts, "run">;
  readonly room: Pick<Room, "claim" | "firstBefore">;
  /** Whether an error of the agent says that the host has no room for another worker. */
  readonly isExhausted: (error: unknown) => boolean;
}

/** Starts workers: in turn, past the guard, and again once there is room on the host. */
export class WorkerStarter implements Starter {
  readonly #options: WorkerStarterOptions;

  constructor(options: WorkerStarterOptions) {
    this.#options = options;
  }

  async start({ definition, slot, adopted, priority, signal, onTurn }: StartRequest): Promise<EnsuredWorker> {
    const { agent, guard, starts, room, isExhausted } = this.#options;
    const { name } = definition;
    const ensure = () => {
      onTurn(true);
      return agent.ensure(definition, slot, signal);
    };
    const waitForRoom = (error: unknown) => {
      onTurn(false);
      return room.claim(name, error, signal, () => onTurn(true));
    };
    for (;;) {
      // Room that is being made for others is not snatched from them.
      const before = adopted ? undefined : room.firstBefore(name);
      if (before !== undefined) await waitForRoom(before.error);
      try {
        // A worker that is there only has to be looked at, and does not wait for others' cold starts.
        return await (adopted ? guard.run(name, ensure, signal) : starts.run(name, priority, signal, ensure));
      } catch (error) {
        if (!isExhausted(error)) throw error;
        await waitForRoom(error);
      }
    }
  }
}
