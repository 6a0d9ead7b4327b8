import assert from "node:assert/strict";
import { type WatchResponse, WorkerState } from "../../proto/gen/esb/agent/v1/agent.ts";
import type { TestEsb } from "./esb.ts";
import { patienceMs, until } from "./process.ts";
import { promptly } from "./slowness.ts";

/** A Watch that keeps what it is told. */
export interface Watcher extends AsyncDisposable {
  /** Everything so far. */
  readonly messages: readonly WatchResponse[];
  /** How it was ended by the other side; undefined while it runs. */
  readonly failure: unknown;
  /**
   * A line for each message: `snapshot a-0,b-0`, `changed a-0 2`, `removed a-0 2` (state and reason in numbers);
   * `changed a-0 1 addressed`: it still starts, and its address is known.
   */
  lines(): string[];
  /**
   * Waits for a message, from the first on. @throws with all that was told instead
   * @param withinMs what is promised, for a machine with time to spare; undefined: nothing is
   */
  first<T>(pick: (message: WatchResponse) => T | undefined, withinMs?: number): Promise<T>;
}

export function watch(esb: TestEsb, request: { owner?: string; position?: string } = {}): Watcher {
  const controller = new AbortController();
  const messages: WatchResponse[] = [];
  let failure: unknown;
  const reading = (async () => {
    for await (const message of esb.workers.watch(request, { signal: controller.signal })) {
      if (message.event?.$case !== "caughtUp") messages.push(message);
    }
  })().catch((error: unknown) => {
    failure = error;
  });
  const lines = () => messages.map(describe);
  return {
    messages,
    get failure() {
      return failure;
    },
    lines,
    async first(pick, withinMs) {
      let found: NonNullable<ReturnType<typeof pick>> | undefined;
      const told = () =>
        until(
          async () => {
            found = messages.map(pick).find((one) => one !== undefined) ?? undefined;
            assert.ok(found !== undefined);
          },
          patienceMs,
          async () => `not told within ${patienceMs} ms; told was: ${lines().join("; ")} ${failure ?? ""}`,
        );
      await (withinMs === undefined ? told() : promptly(withinMs, told));
      return found as NonNullable<ReturnType<typeof pick>>;
    },
    async [Symbol.asyncDispose]() {
      controller.abort();
      await reading;
    },
  };
}

function describe({ event }: WatchResponse): string {
  if (event?.$case === "snapshot") return `snapshot ${event.value.workers.map(({ id }) => id).join(",")}`;
  if (event?.$case === "changed") {
    const { id, state, sourceAddress } = event.value;
    const addressed = state === WorkerState.STARTING && sourceAddress !== "";
    return `changed ${id} ${state}${addressed ? " addressed" : ""}`;
  }
  return event?.$case !== "removed" ? "nothing" : `removed ${event.value.worker?.id} ${event.value.reason}`;
}

/** Picks the removal of a worker. */
export const removalOf = (id: string) => (message: WatchResponse) =>
  message.event?.$case === "removed" && message.event.value.worker?.id === id ? message.event.value : undefined;
