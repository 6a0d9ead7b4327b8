import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { freePorts } from "../support/port.ts";
import { nodeClientArchive, nodeClientImage } from "../support/runtimes/images.ts";
import { assertNoTraces } from "../support/traces.ts";

let esb: TestEsb;
let first: number;

before(async () => {
  first = await freePorts(8);
  esb = await startEsb({
    functions: `
functions:
  one: { image: ${nodeClientImage}, timeout: 10, memory: 256, idle: { freezeAfterMs: 0 } }
  two: { image: ${nodeClientImage}, timeout: 10, memory: 256 }
`,
    archives: [await nodeClientArchive()],
    runtimeApi: true,
    settings: { ESB_NETWORK: "host", ESB_HOST_PORTS: `${first}-${first + 7}` },
  });
});
after(() => esb?.[Symbol.asyncDispose]());

test("L3 W5: on the host's network each worker finds the Runtime API at a port of its own, and gives both back", async () => {
  const apis = new Set<string>();
  for (const name of ["one", "two"]) {
    const answer = await esb.invoke(name);
    const text = await answer.text();
    assert.deepEqual([answer.status, answer.headers.get("x-amz-function-error")], [200, null], text);
    apis.add(JSON.parse(text).environment.AWS_LAMBDA_RUNTIME_API);
  }
  assert.equal(apis.size, 2);
  for (const api of apis) assert.match(api, /^127\.0\.0\.1:\d+$/);
  await esb.waitForTask("one-0", "PAUSED");
  const thawed = await esb.invoke("one");
  assert.deepEqual([thawed.status, thawed.headers.get("x-esb-start")], [200, "thawed"]);
  await esb.gateway.stop();
  for (const workerId of ["one-0", "two-0"]) await esb.workers.destroy({ workerId, graceMs: 0 });
  await assertNoTraces(esb);
});
