import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

/** The static server as a function of an API, for functions.yml. */
export const apiFunction = `  api:
    image: "${staticServerImage}"
    memory: 128
    environment: { ANSWER: '{"statusCode":200,"headers":{"content-type":"application/json"},"body":"{}"}' }
`;

/** Routes to it; others that nobody asks for stand before it. */
export function apiRoutes(others = 0): string {
  const rest = Array.from(
    { length: others },
    (_, index) => `  - { path: "/other/${index}/{id}", method: GET, function: api }`,
  );
  return [
    "routes:",
    ...rest,
    '  - { path: "/one/{id}", method: POST, function: api, auth: none }',
    '  - { path: "/two/{id}", method: POST, function: api, auth: none, payload: "2.0" }',
    '  - { path: "/mine/{id}", method: POST, function: api, payload: "2.0" }',
    "",
  ].join("\n");
}

/** An esb that is started with a routing.yml, which is removed with it. */
export async function withRouting(start: (routingFile: string) => Promise<TestEsb>): Promise<TestEsb> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "esb-bench-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const routingFile = join(dir, "routing.yml");
  await writeFile(routingFile, apiRoutes());
  const esb = stack.use(await start(routingFile));
  const owned = stack.move();
  return { ...esb, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

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
