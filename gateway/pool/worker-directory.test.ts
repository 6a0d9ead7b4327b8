import assert from "node:assert/strict";
import { test } from "node:test";
import type { WorkerInfo } from "./agent.ts";
import { WorkerDirectory } from "./worker-directory.ts";

const worker = (instanceId: string, changes: Partial<WorkerInfo> = {}): WorkerInfo => ({
  id: "hello-0",
  instanceId,
  function: "hello",
  slot: 0,
  host: "240.0.0.1",
  port: 8080,
  state: "running",
  lastAccessMs: 0,
  sourceAddress: "10.63.0.7",
  tokenDigest: `digest of ${instanceId}`,
  ...changes,
});
const at = (directory: WorkerDirectory, address = "10.63.0.7") =>
  [...directory.at(address)].map(({ tokenDigest }) => tokenDigest);

test("L7: a worker is known from its start until it is gone, frozen or not", () => {
  const directory = new WorkerDirectory();
  const { sourceAddress: _, ...unattached } = worker("a", { state: "starting" });
  directory.onChanged(unattached);
  assert.deepEqual(at(directory), [], "where it will call from is not known yet");
  for (const state of ["starting", "running", "paused", "running"] as const) {
    directory.onChanged(worker("a", { state }));
    assert.deepEqual(at(directory), ["digest of a"]);
  }
  assert.deepEqual(at(directory, "240.0.0.1"), [], "its address for invocations is another");
  directory.onRemoved(worker("a"), "exited");
  assert.deepEqual(at(directory), []);
  directory.onChanged(worker("b"));
  directory.onChanged(worker("b", { state: "stopped" }));
  assert.deepEqual(at(directory), []);
});

test("L7 S7: a late word of a worker that is gone does not take its address's next one away", () => {
  const directory = new WorkerDirectory();
  directory.onChanged(worker("a"));
  directory.onChanged(worker("b", { id: "other-0" }));
  assert.deepEqual(at(directory), ["digest of a", "digest of b"]);
  directory.onRemoved(worker("a"), "exited");
  directory.onRemoved(worker("a"), "exited");
  assert.deepEqual(at(directory), ["digest of b"]);
});

test("L7 S1: what a list of all workers does not have is gone", () => {
  const directory = new WorkerDirectory();
  directory.onChanged(worker("a"));
  directory.onSnapshot([worker("b"), worker("c", { sourceAddress: "10.63.0.8" })]);
  assert.deepEqual([at(directory), at(directory, "10.63.0.8")], [["digest of b"], ["digest of c"]]);
  directory.onSnapshot([]);
  assert.deepEqual(at(directory), []);
});

test("L7: a worker without a token is nobody", () => {
  const directory = new WorkerDirectory();
  const { tokenDigest: _, ...without } = worker("a");
  directory.onChanged(without);
  assert.deepEqual(at(directory), []);
});
