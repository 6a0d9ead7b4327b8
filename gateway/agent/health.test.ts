import assert from "node:assert/strict";
import { test } from "node:test";
import { checkAgent } from "./health.ts";

const connected = async () => undefined;
const watching = () => true;

test("both answer", async () => {
  assert.deepEqual(await checkAgent({ check: async () => ({ status: 1 }) }, connected, watching), {
    agent: { available: true },
    containerd: { available: true },
  });
});

test("no connection: nothing is known of containerd", async () => {
  const away = async () => {
    throw new Error("no answer");
  };
  assert.deepEqual(await checkAgent({ check: async () => ({ status: 1 }) }, away, watching), {
    agent: { available: false, error: "no answer" },
  });
});

test("the agent is alive, containerd is not", async () => {
  const health = await checkAgent(
    { check: async ({ service }) => ({ status: service === "" ? 1 : 2 }) },
    connected,
    watching,
  );
  assert.equal(health.agent.available, true);
  assert.equal(health.containerd?.available, false);
});

test("an agent that does not know the health service of its service", async () => {
  const health = await checkAgent(
    {
      async check({ service }) {
        if (service !== "") throw new Error("unknown service");
        return { status: 1 };
      },
    },
    connected,
    watching,
  );
  assert.deepEqual(health.containerd, { available: false, error: "unknown service" });
});

test("S5: both answer, but the workers are not known yet: starts and thaws are still refused", async () => {
  const { agent } = await checkAgent({ check: async () => ({ status: 1 }) }, connected, () => false);
  assert.deepEqual(agent, { available: false, error: "it has not told of its workers yet" });
});
