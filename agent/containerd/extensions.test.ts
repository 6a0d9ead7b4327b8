import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ClientError, Status } from "nice-grpc";
import type { ContainerdClient } from "./client.ts";
import { deleteExtensions, findExtensions, instanceOfExtension } from "./extensions.ts";

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

test("L3 S5: what can be executed is an extension; of more than AWS allows, no more than one is started", async (t) => {
  const proc = await mkdtemp(join(tmpdir(), "esb-extensions-"));
  t.after(() => rm(proc, { recursive: true }));
  const folder = join(proc, "7/root/opt/extensions");
  await mkdir(join(folder, "folder"), { recursive: true });
  await writeFile(join(folder, "a text"), "", { mode: 0o644 });
  assert.deepEqual(await findExtensions(7, proc), []);
  for (let number = 99; number >= 0; number--) {
    await writeFile(join(folder, String(number).padStart(2, "0")), "", { mode: 0o755 });
  }
  const names = ["00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10"];
  assert.deepEqual(await findExtensions(7, proc), names);
  assert.deepEqual(await findExtensions(8, proc), []);
});

test("L3 S5: links of an image are followed within the image: an extension can be one, the host's files are none", async (t) => {
  const proc = await mkdtemp(join(tmpdir(), "esb-extensions-"));
  t.after(() => rm(proc, { recursive: true }));
  for (const [pid, target] of [
    [1, proc],
    [2, "../../../host"],
    [3, "/data"],
  ] as const) {
    await mkdir(join(proc, `${pid}/root/opt`), { recursive: true });
    await symlink(target, join(proc, `${pid}/root/opt/extensions`));
  }
  await mkdir(join(proc, "host"));
  await mkdir(join(proc, "3/root/data"));
  for (const place of ["on the host", "host/beside", "3/root/data/direct", "3/root/run"]) {
    await writeFile(join(proc, place), "", { mode: 0o755 });
  }
  await symlink("/run", join(proc, "3/root/data/linked"));
  await symlink(join(proc, "on the host"), join(proc, "3/root/data/escaped"));
  assert.deepEqual(await findExtensions(1, proc), []);
  assert.deepEqual(await findExtensions(2, proc), []);
  assert.deepEqual(await findExtensions(3, proc), ["direct", "linked"]);
});
