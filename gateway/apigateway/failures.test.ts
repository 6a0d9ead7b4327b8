import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { Status } from "nice-grpc";
import { AgentCallError, type AgentErrorCode } from "../agent/errors.ts";
import { LambdaError } from "../http/errors.ts";
import { Refusal } from "../pool/errors.ts";
import type { PayloadFormat } from "../routing/definition.ts";
import { type Answer, until } from "../testing/harness.ts";
import { answering, startRoutes } from "../testing/routes.ts";
import { toApiError } from "./failures.ts";

const told: readonly (readonly [what: string, error: unknown, rest: number, http: number, retry?: number])[] = [
  ["a full queue", new Refusal("queue-full", "full"), 500, 503, 1],
  ["a wait that was too long", new Refusal("queue-timeout", "long"), 500, 503, 1],
  ["a function that has gone", new Refusal("removed", "gone"), 500, 503],
  ["an agent that is away", agentError("AGENT_UNAVAILABLE"), 503, 503, 1],
  ["a host without room", agentError("HOST_EXHAUSTED"), 503, 503, 5],
  ["an image that is not there", agentError("IMAGE_NOT_FOUND"), 502, 502],
  ["a worker that ends at its start", agentError("WORKER_EXITED"), 502, 502],
  ["a worker that was lost", new LambdaError("ServiceException", "lost", { status: 502 }), 502, 502],
  ["an agent's bug", agentError("INTERNAL"), 500, 500],
  ["a bug of ours", new TypeError("x is undefined"), 500, 500],
];
for (const [what, error, rest, http, retry] of told) {
  test(`G5: ${what}: ${rest} in a REST API, ${http} in an HTTP API, without detail`, () => {
    const found = toApiError(error);
    assert.deepEqual([found.status("1.0"), found.status("2.0"), found.retryAfterSeconds], [rest, http, retry]);
    for (const payload of ["1.0", "2.0"] as const) assert.match(found.body(payload), /internal|unavailable/i);
  });
}

function agentError(code: AgentErrorCode): AgentCallError {
  return new AgentCallError(code, "detail");
}

const routes = (options = "") => `
defaults: { auth: none }
routes:
  - { path: /1.0, method: ANY, function: hello, payload: "1.0"${options} }
  - { path: /2.0, method: ANY, function: hello, payload: "2.0"${options} }
`;
const payloads: readonly PayloadFormat[] = ["1.0", "2.0"];

function assertFailed(answer: Answer, status: number, message: string) {
  assert.deepEqual([answer.status, answer.body], [status, JSON.stringify({ message })]);
}

test("G5: what is no answer, and a function that failed, is 502; an errorMessage without a function error is none", async () => {
  await using door = await startRoutes(routes());
  for (const payload of payloads) {
    for (const bad of ["no JSON", "[]", '{"statusCode":"x"}', '{"statusCode":200,"headers":{"a b":"1"}}']) {
      if (payload === "2.0" && bad === "[]") continue;
      door.agent.handler = answering(bad);
      assertFailed(await door.request("GET", `/${payload}`), 502, "Internal server error");
    }
    door.agent.handler = answering({ errorType: "Error", errorMessage: "x" }, { "x-amz-function-error": "Unhandled" });
    assertFailed(await door.request("GET", `/${payload}`), 502, "Internal server error");
    door.agent.handler = answering({ statusCode: 418, body: "{}", errorMessage: "mine", errorType: "Error" });
    assert.equal((await door.request("GET", `/${payload}`)).status, 418);
  }
  const { body } = await door.get("/metrics");
  assert.match(body, /esb_invocations_total\{function="hello",outcome="function_error"\} 9/);
  assert.match(body, /esb_invocations_total\{function="hello",outcome="ok"\} 2/);
});

test("G5: a worker that dies under a request, and one with more than Lambda's limit, are 502", async () => {
  await using door = await startRoutes(routes());
  for (const payload of payloads) {
    door.agent.handler = (request) => request.socket.destroy();
    assertFailed(await door.request("GET", `/${payload}`), 502, "Internal server error");
    for (const headers of [{}, { "content-length": "6291557" }]) {
      door.agent.handler = (_request, response) => response.writeHead(200, headers).end(Buffer.alloc(6_291_557, " "));
      assertFailed(await door.request("GET", `/${payload}`), 502, "Internal server error");
    }
  }
});

test("G5: a function that runs into its own timeout is 502, and its worker is not used again", async () => {
  await using door = await startRoutes(routes(), {}, "functions: { hello: { image: x, timeout: 1 } }");
  door.agent.handler = () => undefined;
  const answers = await Promise.all(payloads.map((payload) => door.request("GET", `/${payload}`)));
  for (const answer of answers) assertFailed(answer, 502, "Internal server error");
  await until(() => door.agent.calls.filter((call) => call.startsWith("destroy")).length === 2);
});

test("G7: beyond the route's time the client is told so, while the function runs on and keeps its worker", async () => {
  const functions = "functions: { hello: { image: x, timeout: 30, concurrency: { max: 1 } } }";
  await using door = await startRoutes(routes(", timeoutMs: 60"), {}, functions);
  // A start can take longer than that on a busy machine.
  await door.invoke("hello");
  const running: ServerResponse[] = [];
  door.agent.handler = (_request, response) => running.push(response);
  assertFailed(await door.request("GET", "/1.0"), 504, "Endpoint request timed out");
  assert.equal(running.length, 1);
  // The next one waits for the worker, and no longer than its route allows; it is never invoked.
  assertFailed(await door.request("GET", "/2.0"), 503, "Service Unavailable");
  assert.equal(running.length, 1);
  running[0]?.end('{"statusCode":200}');
  door.agent.handler = answering({ statusCode: 200, body: "on time" });
  await until(async () => (await door.request("GET", "/1.0")).body === "on time");
  assert.deepEqual([...door.agent.workers.keys()], ["hello-0"]);
  assert.ok(!door.agent.calls.some((call) => call.startsWith("destroy")));
});

test("G5: with its queue full, a function is refused as Lambda refuses a throttled one", async () => {
  const functions = "functions: { hello: { image: x, timeout: 30, concurrency: { max: 1 } } }";
  await using door = await startRoutes(routes(), { ESB_QUEUE_LIMIT: "1" }, functions);
  const running: ServerResponse[] = [];
  door.agent.handler = (_request, response) => running.push(response);
  const first = door.request("GET", "/1.0");
  await until(() => running.length === 1);
  const second = door.request("GET", "/1.0");
  await until(async () => (await door.get("/metrics")).body.includes('esb_queue_length{function="hello"} 1'));
  assertFailed(await door.request("GET", "/1.0"), 500, "Internal server error");
  assertFailed(await door.request("GET", "/2.0"), 503, "Service Unavailable");
  running[0]?.end('{"statusCode":200}');
  await until(() => running.length === 2);
  running[1]?.end('{"statusCode":200}');
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
});

test("G5: while the agent is away, or the function cannot be started, nothing of it is told", async () => {
  await using door = await startRoutes(routes());
  door.agent.failures.set("ensure", { code: "IMAGE_NOT_FOUND", status: Status.NOT_FOUND, message: "secret-registry" });
  for (const payload of payloads) {
    assertFailed(await door.request("GET", `/${payload}`), 502, "Internal server error");
  }
  door.agent.failures.clear();
  door.agent.stop();
  await until(async () => (await door.get("/ready")).status === 503);
  await using other = await startRoutes(routes());
  other.agent.stop();
  await until(async () => (await other.get("/ready")).status === 503);
  for (const payload of payloads) {
    const answer = await other.request("GET", `/${payload}`);
    assertFailed(answer, 503, "Service Unavailable");
    assert.equal(answer.headers["retry-after"], "1");
  }
});
