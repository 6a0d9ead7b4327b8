import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { freePort } from "../test/support/port.ts";
import { functionsFile, runGateway } from "./testing/gateway-process.ts";
import { listening } from "./testing/listen.ts";

test("a broken functions.yml stops the start with one plain message", async () => {
  await using setup = await functionsFile("functions:\n  hello:\n    image: x\n    memory: 5\n");
  await using gateway = runGateway({ ESB_FUNCTIONS: setup.file, ESB_GATEWAY_PORT: String(await freePort()) });
  const [code] = await gateway.exited;
  assert.equal(code, 1);
  assert.equal(
    gateway.output.error,
    `${setup.file}:4:13: functions.hello.memory: must be a whole number of MiB; expected 128 to 10240\n`,
  );
});

test("a wrong setting stops the start; an unknown one is warned of", async () => {
  await using gateway = runGateway({ ESB_GATEWAY_PORT: "x" });
  const [code] = await gateway.exited;
  assert.equal(code, 1);
  assert.match(gateway.output.error, /^ESB_GATEWAY_PORT=x: /);
});

test("a port that is taken is told without a stack", async () => {
  await using setup = await functionsFile("functions: {}");
  const server = createServer();
  const port = await listening(server);
  await using gateway = runGateway({
    ESB_FUNCTIONS: setup.file,
    ESB_GATEWAY_PORT: String(port),
    ESB_GATEWAI_PORT: "1",
  });
  const [code] = await gateway.exited;
  server.close();
  assert.equal(code, 1);
  assert.match(gateway.output.error, new RegExp(`^[^\n]*ESB_GATEWAY_PORT=${port}: [^\n]*EADDRINUSE[^\n]*\n$`));
  assert.match(gateway.output.out, /ESB_GATEWAI_PORT is not a setting of esb; did you mean ESB_GATEWAY_PORT\?/);
});
