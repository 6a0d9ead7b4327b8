import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorkerApi, workerApiPorts } from "./worker-api.ts";

const settings = (one: number, several?: number[], agent = "127.0.0.1:50051") => ({
  ESB_WORKER_API_PORT: one,
  ESB_WORKER_API_PORTS: several,
  ESB_AGENT_ADDRESS: agent,
});

test("L7: open to workers is the gateway's port, or those of several gateways, or none", () => {
  assert.deepEqual(workerApiPorts(settings(8372)), [8372]);
  assert.deepEqual(workerApiPorts(settings(8372, [9001, 9002, 9001])), [9001, 9002]);
  assert.deepEqual(workerApiPorts(settings(0)), []);
});

test("W5: the agent's own port is never opened to workers", () => {
  for (const [one, several] of [[50_051, undefined] as const, [8372, [8372, 50_051]] as const]) {
    const refused = settings(one, several && [...several], "0.0.0.0:50051");
    assert.throws(() => workerApiPorts(refused), /ESB_WORKER_API_PORTS?: 50051 is the agent's own port/);
  }
  assert.deepEqual(workerApiPorts(settings(8372, undefined, "unix:///run/esb:8372")), [8372]);
});

test("L7: a gateway's workers are given its endpoint where its port is open, and the log says once where not", () => {
  const warnings: object[] = [];
  const api = createWorkerApi("10.63.0.1", [8372], { warn: (fields) => warnings.push(fields) });
  assert.equal(api.endpoint(8372), "http://10.63.0.1:8372");
  assert.equal(api.endpoint(0), undefined);
  assert.deepEqual(warnings, []);
  assert.equal(api.endpoint(9000), undefined);
  assert.equal(api.endpoint(9000), undefined);
  assert.deepEqual(warnings, [{ port: 9000, openPorts: [8372] }]);
});
