import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { addressesOfHost, chooseNameService, reachableFromBridge, writeNameServiceFiles } from "./name-service.ts";

const stub = "# made by systemd-resolved\nnameserver 127.0.0.53\noptions edns0\nsearch lan\n";

for (const [what, configured, files, expected] of [
  ["the configured ones first", ["192.0.2.1"], ["nameserver 192.0.2.9"], ["192.0.2.1"]],
  ["the host's", [], ["nameserver 192.0.2.9\nnameserver\t192.0.2.8"], ["192.0.2.9", "192.0.2.8"]],
  ["not the host's loopback", [], ["nameserver 127.0.0.1\nnameserver 192.0.2.8"], ["192.0.2.8"]],
  ["not what has IPv6 only", [], ["nameserver fd00::1\nnameserver 192.0.2.8"], ["192.0.2.8"]],
  ["those behind systemd-resolved", [], [stub, "nameserver 192.0.2.7"], ["192.0.2.7"]],
  ["none", [], [stub, ""], []],
] as const) {
  test(`name servers of workers: ${what}`, () => {
    assert.deepEqual(chooseNameService(configured, files, reachableFromBridge).nameServers, expected);
  });
}

test("search and options of the host's file are kept", () => {
  assert.deepEqual(chooseNameService([], [stub], reachableFromBridge).otherLines, ["options edns0", "search lan"]);
});

test("name servers that are the host itself are told apart", () => {
  assert.deepEqual(addressesOfHost(["127.0.0.1", "10.9.0.1", "192.0.2.200"], "10.9.0.1"), ["127.0.0.1", "10.9.0.1"]);
});

test("files are readable by everybody and left alone when they are right", async () => {
  const dir = await mkdtemp(join(tmpdir(), "esb-names-"));
  const files = { resolvConfPath: join(dir, "a/resolv.conf"), hostsPath: join(dir, "a/hosts") };
  const service = { nameServers: ["192.0.2.1"], otherLines: ["search lan"] };
  await writeNameServiceFiles(files, service, "0.0.0.0");
  const { ino, mode } = await stat(files.resolvConfPath);
  assert.equal(mode & 0o777, 0o644);
  assert.equal(await readFile(files.resolvConfPath, "utf8"), "nameserver 192.0.2.1\nsearch lan\n");
  // L3: servers of extensions for telemetry listen there, and whoever connects to it within the worker reaches them.
  assert.match(await readFile(files.hostsPath, "utf8"), /^0\.0\.0\.0 sandbox\.localdomain sandbox$/m);
  await writeNameServiceFiles(files, service, "0.0.0.0");
  assert.equal((await stat(files.resolvConfPath)).ino, ino);
  await rm(dir, { recursive: true });
});
