import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";
import { request as requestTls } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSettings } from "../../common/environment.ts";
import { createLogger } from "../../common/logger.ts";
import { gatewaySettings, startGateway } from "../start.ts";
import { FakeAgent } from "./fake-agent.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Harness extends AsyncDisposable {
  readonly agent: FakeAgent;
  readonly address: string;
  readonly file: string;
  readonly url: string;
  invoke(name: string, body?: string | Buffer, headers?: Record<string, string>): Promise<Answer>;
  get(path: string): Promise<Answer>;
}

/** A whole gateway on 127.0.0.1 with a fake agent behind it. */
export async function startHarness(
  environment: Record<string, string> = {},
  functions = "functions: { hello: { image: x, timeout: 30 } }",
  agentUp = true,
): Promise<Harness> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "esb-gateway-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, "functions.yml");
  await writeFile(file, functions);
  const agent = stack.use(new FakeAgent());
  const address = await agent.listen();
  if (!agentUp) agent.stop();
  const variables = {
    ESB_GATEWAY_PORT: "65535",
    ESB_AGENT_ADDRESS: address,
    ESB_MODE: "development",
    ESB_FUNCTIONS: file,
    ESB_ROUTING: "none",
    ESB_FREEZE_AFTER_MS: "-1",
    ESB_RUN_DIR: join(dir, "run"),
    ESB_STATE_DIR: join(dir, "state"),
    ESB_WORKER_API_PORT: "0",
    ...environment,
  };
  const configuration = { ...readSettings(gatewaySettings, variables), ESB_GATEWAY_PORT: 0 };
  const gateway = await startGateway(
    configuration,
    variables,
    createLogger("gateway", process.env.LOG_LEVEL ?? "fatal"),
  );
  stack.defer(() => gateway.close());
  // On a busy machine the connection to the agent takes longer than a request waits for it.
  if (agentUp) await until(async () => (await send(`${gateway.url}/ready`, "GET")).status === 200);
  const release = stack.move();
  return {
    agent,
    address,
    file,
    url: gateway.url,
    invoke: (name, body = "{}", headers = {}) =>
      send(`${gateway.url}/2015-03-31/functions/${name}/invocations`, "POST", headers, body),
    get: (path) => send(`${gateway.url}${path}`, "GET", {}),
    [Symbol.asyncDispose]: () => release.disposeAsync(),
  };
}

/** Sends a request whose path is left as it is; any certificate will do. */
export function send(
  url: string,
  method: string,
  headers: OutgoingHttpHeaders = {},
  body?: string | Buffer,
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const path = url.slice(url.indexOf("/", "https://".length));
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const options = { hostname, port, path, method, headers, agent: false, rejectUnauthorized: false } as const;
  const sent = (url.startsWith("https:") ? requestTls : request)(options, (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", reject);
    response.on("end", () =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }),
    );
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}

/** Resolves once a condition holds, asked again at every turn of the event loop; fails after a minute. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not within a minute: ${condition}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
