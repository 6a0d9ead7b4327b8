import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientError, Status } from "nice-grpc";
import { ContainerDelete } from "../../proto/gen/containerd/events/container.ts";
import { TaskExit, TaskOOM, TaskPaused, TaskResumed } from "../../proto/gen/containerd/events/task.ts";
import { AgentError } from "../errors.ts";
import type { RuntimeEvent } from "../workers/runtime.ts";
import { followContainerd } from "./events.ts";

type Client = Parameters<typeof followContainerd>[0];

/** A client whose stream tells these events and then fails. */
function clientWith(events: readonly { topic: string; value?: Uint8Array }[], end: Error) {
  const asked: unknown[] = [];
  async function* subscribe(request: unknown) {
    asked.push(request);
    for (const { topic, value } of events) yield { topic, event: value && { typeUrl: "", value } };
    throw end;
  }
  const client = { address: "/run/c.sock", namespace: "esb", events: { subscribe } } as unknown as Client;
  return { client, asked };
}

async function follow(client: Client): Promise<{ events: RuntimeEvent[]; error: unknown }> {
  const events: RuntimeEvent[] = [];
  try {
    for await (const event of followContainerd(client, new AbortController().signal)) events.push(event);
  } catch (error) {
    return { events, error };
  }
  return assert.fail("it ended without an error");
}

test("what concerns workers is told, and nothing else", async () => {
  const exit = (id: string) =>
    TaskExit.encode(TaskExit.create({ containerId: "a-0", id, pid: 7, exitStatus: 137 })).finish();
  const { client, asked } = clientWith(
    [
      { topic: "/tasks/exit", value: exit("a-0") },
      { topic: "/tasks/exit", value: exit("exec-1") },
      { topic: "/tasks/exit", value: exit("esb-extension-8b3f2c1d-9-0") },
      { topic: "/tasks/oom", value: TaskOOM.encode({ containerId: "a-0" }).finish() },
      { topic: "/tasks/paused", value: TaskPaused.encode({ containerId: "a-0" }).finish() },
      { topic: "/tasks/resumed", value: TaskResumed.encode({ containerId: "a-0" }).finish() },
      { topic: "/containers/delete", value: ContainerDelete.encode({ id: "a-0" }).finish() },
      { topic: "/tasks/start" },
    ],
    new Error("end"),
  );
  assert.deepEqual((await follow(client)).events, [
    { type: "exited", id: "a-0", pid: 7, exitStatus: 137 },
    { type: "extension-ended", id: "a-0", instanceId: "8b3f2c1d-9", exitStatus: 137 },
    { type: "out-of-memory", id: "a-0" },
    { type: "paused", id: "a-0" },
    { type: "resumed", id: "a-0" },
    { type: "removed", id: "a-0" },
  ]);
  assert.match(JSON.stringify(asked), /namespace==esb/);
});

test("however containerd ends the stream, it is an outage; an abort stays an abort", async () => {
  for (const status of [Status.UNAVAILABLE, Status.CANCELLED, Status.INTERNAL, Status.UNKNOWN]) {
    const { error } = await follow(clientWith([], new ClientError("/Subscribe", status, "reset")).client);
    assert.ok(error instanceof AgentError && error.code === "RUNTIME_UNAVAILABLE", Status[status]);
  }
  const abort = new DOMException("aborted", "AbortError");
  assert.equal((await follow(clientWith([], abort).client)).error, abort);
});
