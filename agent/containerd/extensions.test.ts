import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientError, Status } from "nice-grpc";
import type { ContainerdClient } from "./client.ts";
import { deleteExtensions, instanceOfExtension } from "./extensions.ts";

const worker = { id: "hello-0", instanceId: "i1" };

/** A shim that answers with these, one after the other; undefined: it is done. */
function shim(...answers: (Status | undefined)[]) {
  const asked: string[] = [];
  const deleteProcess = async ({ execId }: { execId: string }) => {
    asked.push(execId);
    const status = answers.shift();
    if (status === undefined) return {};
    throw new ClientError("/Tasks/DeleteProcess", status, status === Status.UNKNOWN ? "ttrpc: closed: unknown" : "no");
  };
  return { asked, client: { tasks: { deleteProcess } } as unknown as Pick<ContainerdClient, "tasks"> };
}

test("L3 S3: all extensions of a worker are deleted, also one whose end its shim has not heard of yet", async () => {
  const { asked, client } = shim(undefined, Status.FAILED_PRECONDITION, undefined, Status.NOT_FOUND);
  await deleteExtensions(client, worker);
  assert.deepEqual(
    asked,
    ["0", "1", "1", "2"].map((index) => `esb-extension-i1-${index}`),
  );
  for (const execId of asked) assert.equal(instanceOfExtension(execId), "i1");
});

test("L3 S3: a worker without extensions, or without a shim, has nothing to delete; any other failure is told", async () => {
  for (const nothing of [Status.NOT_FOUND, Status.UNKNOWN]) {
    const { asked, client } = shim(nothing);
    await deleteExtensions(client, worker);
    assert.equal(asked.length, 1);
  }
  await assert.rejects(deleteExtensions(shim(Status.UNAVAILABLE).client, worker), /UNAVAILABLE/);
});
