import type { ServerResponse } from "node:http";
import { freePort } from "../../test/support/port.ts";
import { FakeAgent } from "./fake-agent.ts";
import { functionsFile, type GatewayProcess, runGateway } from "./gateway-process.ts";
import { type Answer, send, until } from "./harness.ts";

export interface Draining extends AsyncDisposable {
  readonly agent: FakeAgent;
  readonly gateway: GatewayProcess;
  /** What workers have been asked and have not answered. */
  readonly running: ServerResponse[];
  /** Without TLS. */
  readonly url: string;
  readonly port: number;
  invoke(): Promise<Answer>;
  /** Until so many wait for a worker. */
  waiting(count: number): Promise<void>;
  /** Tells the gateway to end. */
  stop(): Promise<void>;
}

const oneWorker = "functions: { hello: { image: x, timeout: 60, concurrency: { max: 1 } } }";

/** A gateway process before a fake agent, by default with one worker at most, whose requests the test answers. */
export async function startDraining(
  environment: Record<string, string> = {},
  functions = oneWorker,
): Promise<Draining> {
  await using stack = new AsyncDisposableStack();
  const { file } = stack.use(await functionsFile(functions));
  const agent = stack.use(new FakeAgent());
  const running: ServerResponse[] = [];
  agent.handler = (_request, response) => running.push(response);
  const port = await freePort();
  const gateway = stack.use(
    runGateway({
      ESB_FUNCTIONS: file,
      ESB_GATEWAY_PORT: String(port),
      ESB_AGENT_ADDRESS: await agent.listen(),
      ESB_FREEZE_AFTER_MS: "-1",
      ESB_DRAIN_TIMEOUT_MS: "30000",
      ...environment,
    }),
  );
  await gateway.logged("gateway listens");
  await gateway.logged("agent is there");
  const url = `http://127.0.0.1:${port}`;
  const release = stack.move();
  return {
    agent,
    gateway,
    running,
    url,
    port,
    invoke: () => send(`${url}/2015-03-31/functions/hello/invocations`, "POST", {}, "{}"),
    async waiting(count) {
      const line = `esb_queue_length{function="hello"} ${count}`;
      await until(async () => (await send(`${url}/metrics`, "GET")).body.includes(line));
    },
    async stop() {
      gateway.child.kill("SIGTERM");
      await gateway.logged("gateway stops");
    },
    [Symbol.asyncDispose]: () => release.disposeAsync(),
  };
}
