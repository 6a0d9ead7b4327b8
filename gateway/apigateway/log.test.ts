import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../../test/support/port.ts";
import { FakeAgent } from "../testing/fake-agent.ts";
import { functionsFile, runGateway } from "../testing/gateway-process.ts";
import { send, until } from "../testing/harness.ts";
import { answering } from "../testing/routes.ts";

const routing = `
routes:
  - { path: "/x/{id}", method: [GET, PUT], function: hello, auth: none }
  - { path: /slow, method: ANY, function: hello, auth: none, payload: "2.0", timeoutMs: 50 }
`;

async function setUp() {
  await using stack = new AsyncDisposableStack();
  const { file } = stack.use(await functionsFile("functions: { hello: { image: x } }"));
  const routingFile = join(file, "../routing.yml");
  await writeFile(routingFile, routing);
  const agent = stack.use(new FakeAgent());
  const port = await freePort();
  const gateway = stack.use(
    runGateway({
      ESB_FUNCTIONS: file,
      ESB_ROUTING: routingFile,
      ESB_STATE_DIR: join(file, "../state"),
      ESB_GATEWAY_PORT: String(port),
      ESB_AGENT_ADDRESS: await agent.listen(),
      ESB_FREEZE_AFTER_MS: "-1",
    }),
  );
  await gateway.logged("gateway listens");
  await gateway.logged("agent is there");
  const owned = stack.move();
  return { agent, gateway, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test("O1: the log has the reason of every 5xx, with the request's id, its route and function", async () => {
  await using setup = await setUp();
  const logged = async (text: string) => {
    await setup.gateway.logged(text);
    const line = setup.gateway.output.out.split("\n").find((found) => found.includes(text));
    return JSON.parse(line ?? "{}");
  };
  setup.agent.handler = answering(
    { errorType: "TypeError", errorMessage: "oh" },
    { "x-amz-function-error": "Unhandled" },
  );
  const failed = await send(`${setup.url}/x/1`, "GET");
  const first = await logged("the function failed");
  assert.equal(first.requestId, failed.headers["x-amzn-requestid"]);
  assert.equal(first.route, "GET,PUT /x/{id}");
  assert.equal(first.function, "hello");
  assert.match(first.err.message, /TypeError.*oh/);
  assert.match(first.msg, /502/);

  setup.agent.handler = answering("{");
  await send(`${setup.url}/x/1`, "GET");
  assert.match((await logged("answer is malformed")).err.message, /no JSON/);

  setup.agent.handler = () => undefined;
  const late = await send(`${setup.url}/slow`, "GET");
  const timedOut = await logged("no answer within");
  assert.equal(timedOut.requestId, late.headers["apigw-requestid"]);
  assert.match(timedOut.msg, /503/);
  assert.ok(!setup.gateway.output.out.includes('403"'), "what the client did wrong is no warning");
});

test("S4: told to end: a request of a route is served, new ones are 503 and close; none is cut", async () => {
  await using setup = await setUp();
  const running: ServerResponse[] = [];
  setup.agent.handler = (_request, response) => running.push(response);
  const first = send(`${setup.url}/x/1`, "GET");
  await until(() => running.length === 1);
  setup.gateway.child.kill("SIGTERM");
  await setup.gateway.logged("gateway stops");
  const second = await send(`${setup.url}/x/1`, "GET");
  assert.equal(second.status, 503);
  assert.equal(second.body, '{"message":"Service Unavailable"}');
  assert.equal(second.headers["retry-after"], "1");
  assert.equal(second.headers.connection, "close");
  running[0]?.end('{"statusCode":200,"body":"whole"}');
  const served = await first;
  assert.deepEqual([served.status, served.body, served.headers.connection], [200, "whole", "close"]);
  assert.equal((await setup.gateway.exited)[0], 0);
});
