import { workerId } from "../agent/workers/identity.ts";
import { type TestEsb, until } from "../test/support/esb.ts";
import { staticServerImage } from "../test/support/images.ts";

export const owner = "bench";

/** The id of a worker of slot 0 that the bench itself has made. */
export const ownWorkerId = (name: string) => workerId(name, 0, owner);

/** Function spec of the static server, under a name of its own. */
export const staticFunction = (name: string) => ({ name, image: staticServerImage, memoryMib: 128, timeoutMs: 30_000 });

/** `count` function names that begin alike. */
export const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(2, "0")}`);

/** Waits until the agent says that a worker is frozen. */
export async function untilFrozen(esb: TestEsb, id: string): Promise<void> {
  await until(
    async () => {
      const { workers } = await esb.workers.list({});
      const state = workers.find((worker) => worker.id === id)?.state;
      if (state !== 3) throw new Error(`${id} is in state ${state}`);
    },
    10_000,
    async (error) => `not frozen: ${error}`,
  );
}
