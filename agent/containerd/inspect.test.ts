import assert from "node:assert/strict";
import { test } from "node:test";
import { Process, Status } from "../../proto/gen/containerd/types/task/task.ts";
import { type InspectedClient, inspectWorker } from "./inspect.ts";

/** A containerd that has one worker, and says of its task one state after the other, the last one from then on. */
function saying(...states: readonly Status[]) {
  const asked: string[] = [];
  const tasks = {
    get: async ({ containerId = "" }) => {
      const status = states[Math.min(asked.length, states.length - 1)] ?? Status.UNKNOWN;
      asked.push(containerId);
      return { process: Process.fromPartial({ id: containerId, pid: status === Status.UNKNOWN ? 0 : 7, status }) };
    },
  };
  const containers = { get: async ({ id = "" }) => ({ container: { id, labels: {} } }) };
  return { asked, client: { containers, tasks } as unknown as InspectedClient };
}

for (const [name, states, state, times] of [
  ["runs, as containerd says at once", [Status.RUNNING], "running", 1],
  ["containerd does not know at first, and then knows to run", [Status.UNKNOWN, Status.RUNNING], "running", 2],
  ["it does not know twice, and then knows to be frozen", [Status.UNKNOWN, Status.UNKNOWN, Status.PAUSED], "paused", 3],
  ["it never knows of", [Status.UNKNOWN], "stopped", 3],
  ["has ended, as it says at once", [Status.STOPPED], "stopped", 1],
] as const) {
  test(`S5: a worker that ${name} is ${state}`, async () => {
    const { asked, client } = saying(...states);
    assert.equal((await inspectWorker(client, "a-0"))?.state, state);
    assert.deepEqual(asked, Array(times).fill("a-0"));
  });
}
