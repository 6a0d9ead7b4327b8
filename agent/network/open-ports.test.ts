import assert from "node:assert/strict";
import { test } from "node:test";
import { openPorts } from "./open-ports.ts";

const settings = {
  ESB_WORKER_API_PORT: 8372,
  ESB_WORKER_API_PORTS: undefined,
  ESB_AGENT_ADDRESS: "127.0.0.1:50051",
  ESB_S3_URL: "http://host.esb.internal:9000",
  ESB_DYNAMODB_URL: undefined,
};

test("D3 W5: open to workers are their gateways and this machine's services, each once", () => {
  assert.deepEqual(openPorts(settings), [8372, 9000]);
  assert.deepEqual(openPorts({ ...settings, ESB_DYNAMODB_URL: settings.ESB_S3_URL }), [8372, 9000]);
  assert.deepEqual(openPorts({ ...settings, ESB_WORKER_API_PORT: 0, ESB_S3_URL: undefined }), []);
});

test("W5: a service's setting does not open the agent's own port", () => {
  const wrong = { ...settings, ESB_DYNAMODB_URL: "http://host.esb.internal:50051" };
  assert.throws(() => openPorts(wrong), /ESB_DYNAMODB_URL: 50051 is the agent's own port/);
  assert.deepEqual(openPorts({ ...wrong, ESB_AGENT_ADDRESS: "unix:///run/esb:50051" }), [8372, 9000, 50_051]);
});
