import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createShims, type ShimWorker } from "./shims.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "esb-shims-"));
});
after(() => rm(folder, { recursive: true, force: true }));

const pathOf = (name: string) => join(folder, createHash("sha256").update(`/run/c.sock/esb/${name}`).digest("hex"));

/** Stands for a shim: listens where one would. */
async function listen(name: string): Promise<{ server: Server; end(): void }> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => sockets.add(socket)).listen(pathOf(name));
  await once(server, "listening");
  const end = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { server, end };
}

function setUp(shared = false) {
  const shims = createShims({
    address: "/run/c.sock",
    namespace: "esb",
    shimOf: (id, functionName) => (shared ? functionName : id),
    folder,
  });
  const lost: string[] = [];
  const ending = new AbortController();
  const following = (async () => {
    for await (const { id, pid } of shims.lost(ending.signal)) lost.push(`${id} ${pid}`);
  })().catch(() => undefined);
  return {
    shims,
    lost,
    async end() {
      ending.abort();
      await following;
    },
  };
}

const worker = (id: string, pid = 1): ShimWorker => ({ id, function: "f", pid });

async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!condition()) {
    assert.ok(performance.now() < deadlineMs, "not within a minute");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("S1: the end of a shim is told once, of the process that it had last", async () => {
  const { shims, lost, end } = setUp();
  const shim = await listen("a-0");
  shims.watch(worker("a-0", 1));
  shims.watch(worker("a-0", 2));
  await once(shim.server, "connection");
  shim.end();
  await until(() => lost.length > 0);
  assert.deepEqual(lost, ["a-0 2"]);
  await end();
});

test("S1: all workers of a shared shim are told, but for those that were ended on purpose", async () => {
  const { shims, lost, end } = setUp(true);
  const shim = await listen("f");
  for (const id of ["f-0", "f-1", "f-2"]) shims.watch(worker(id));
  await once(shim.server, "connection");
  shims.forget("f-1");
  shim.end();
  await until(() => lost.length > 0);
  assert.deepEqual(lost, ["f-0 1", "f-2 1"]);
  await end();
});

test("S1: where no shim can be reached nothing is told", async () => {
  const { shims, lost, end } = setUp();
  shims.watch(worker("absent-0"));
  const other = await listen("b-0");
  shims.watch(worker("b-0"));
  await once(other.server, "connection");
  other.end();
  await until(() => lost.length > 0);
  assert.deepEqual(lost, ["b-0 1"]);
  await end();
});

test("S3: the socket of a shim that was killed is removed, that of a living one is not", async () => {
  const { shims, end } = setUp();
  const { server, end: endShim } = await listen("c-0");
  await shims.removeSocket("c-0");
  assert.ok(existsSync(pathOf("c-0")));
  endShim();
  await once(server, "close").catch(() => undefined);
  await shims.removeSocket("c-0");
  await shims.removeSocket("never-0");
  assert.ok(!existsSync(pathOf("c-0")));
  await end();
});
