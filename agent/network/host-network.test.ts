import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { createHostNetwork } from "./host-network.ts";

const never = new AbortController().signal;
let dir: string;
let serial = 0;
const busy = new Set<number>();

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "esb-ports-"));
  busy.clear();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function open() {
  return createHostNetwork(
    {
      ports: { first: 20_000, last: 20_002 },
      stateDir: join(dir, "state"),
      runDir: join(dir, "run"),
      nameServers: [],
    },
    {
      isPortFree: async (port) => !busy.has(port),
      isListener: async () => true,
      randomHex: () => String(serial++).padStart(8, "0"),
    },
  );
}

test("a worker has the host's network and a port of its own", async () => {
  const network = open();
  await network.setup(never);
  const attachment = await network.take(never);
  assert.equal(attachment.namespacePath, undefined);
  assert.deepEqual(attachment.endpoint, { host: "127.0.0.1", port: 20_000 });
  assert.deepEqual((await readdir(join(dir, "run"))).sort(), ["hosts", "resolv.conf"]);
});

test("taken at once, the ports differ; when all are taken it says so; a release makes room", async () => {
  const network = open();
  const taken = await Promise.all([network.take(never), network.take(never), network.take(never)]);
  assert.deepEqual(taken.map((one) => one.endpoint.port).sort(), [20_000, 20_001, 20_002]);
  await assert.rejects(network.take(never), { code: "NETWORK_EXHAUSTED", message: /20000-20002/ });
  await network.release(taken[1]?.id ?? "");
  assert.equal((await network.take(never)).endpoint.port, 20_001);
});

test("ports that somebody else listens on are passed over", async () => {
  busy.add(20_000);
  assert.equal((await open().take(never)).endpoint.port, 20_001);
});

test("S3: allocations survive a restart; the sweep frees those of no worker, and none that was just given out", async () => {
  const first = open();
  const kept = await first.take(never);
  await first.take(never);
  const second = open();
  const taken = await second.take(never);
  assert.equal(taken.endpoint.port, 20_002);
  assert.equal(await second.sweep(new Set([kept.id])), 1);
  assert.equal(await second.sweep(new Set([kept.id])), 0);
  await second.release(kept.id);
  await second.release(taken.id);
  assert.equal(await second.sweep(new Set()), 0);
  assert.deepEqual(await readdir(join(dir, "state/ports")), []);
});

test("S7: a port of which it cannot be read whose it is goes to nobody else", async () => {
  const network = open();
  await mkdir(join(dir, "state/ports/20000"), { recursive: true });
  assert.equal(await network.sweep(new Set()), 0);
  assert.equal((await network.take(never)).endpoint.port, 20_001);
});

test("a release that comes twice does not free the port of whoever has it now", async () => {
  busy.add(20_001).add(20_002);
  const network = open();
  const { id } = await network.take(never);
  await network.release(id);
  await network.take(never);
  await network.release(id);
  await assert.rejects(network.take(never), { code: "NETWORK_EXHAUSTED" });
});

test("a call that was given up takes no port", async () => {
  const network = open();
  await assert.rejects(network.take(AbortSignal.abort(new Error("enough"))), /enough/);
  assert.equal((await network.take(never)).endpoint.port, 20_000);
});

test("teardown leaves nothing, and may be repeated", async () => {
  const network = open();
  await network.setup(never);
  await network.take(never);
  await network.teardown();
  await network.teardown();
  assert.deepEqual(await readdir(dir), []);
});

test("L3: a worker with a Lambda runtime has a second port, at which that finds the Runtime API; both come back", async () => {
  const network = open();
  const attachment = await network.take(never, "runtime-api");
  assert.deepEqual(attachment.endpoint, { host: "127.0.0.1", port: 20_000 });
  const api = { host: "127.0.0.1", port: 20_001 };
  assert.deepEqual(attachment.runtimeApi, { api, isShared: false, endpoint: attachment.endpoint });
  await assert.rejects(network.take(never, "runtime-api"), { code: "NETWORK_EXHAUSTED" });
  assert.equal((await network.take(never)).endpoint.port, 20_002);
  await network.release(attachment.id);
  assert.equal((await network.take(never, "runtime-api")).endpoint.port, 20_000);
});
