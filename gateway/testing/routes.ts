import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, type Harness, send, startHarness } from "./harness.ts";

export interface RoutesHarness extends Harness {
  readonly routingFile: string;
  /** @param path left as it is, with its query */
  request(
    method: string,
    path: string,
    headers?: Record<string, string | string[]>,
    body?: string | Buffer,
  ): Promise<Answer>;
  /** The last event that a worker got. */
  lastEvent(): Record<string, unknown>;
}

/** A gateway with routes; its workers answer `{"statusCode":200}` unless the test says otherwise. */
export async function startRoutes(
  routing: string,
  environment: Record<string, string> = {},
  functions?: string,
): Promise<RoutesHarness> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "esb-routes-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const routingFile = join(dir, "routing.yml");
  await writeFile(routingFile, routing);
  const harness = stack.use(await startHarness({ ESB_ROUTING: routingFile, ...environment }, functions));
  harness.agent.handler = (_request, response) => response.end('{"statusCode":200}');
  const { agent } = harness;
  const owned = stack.move();
  return {
    ...harness,
    routingFile,
    request: (method, path, headers = {}, body) => send(`${harness.url}${path}`, method, headers, body),
    lastEvent: () =>
      JSON.parse([...agent.workers.values()].flatMap(({ http }) => http.received).at(-1)?.body ?? "null"),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What a function answers: its answer as JSON, and how the worker says it. */
export function answering(answer: unknown, headers: Record<string, string> = {}) {
  return (_request: unknown, response: ServerResponse) => {
    response.writeHead(200, { "content-type": "application/json", ...headers });
    response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
  };
}
