import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { createIdentityAddresses } from "./identity-addresses.ts";
import { parseIdentityRange, parseSubnet } from "./subnet.ts";

const range = parseIdentityRange("240.9.0.0/16", parseSubnet("10.63.0.0/16"));
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "esb-identities-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function open(inUse: readonly string[] = [], randomHex = "00010100") {
  const path = join(dir, "network/next-identity");
  return createIdentityAddresses({ range, path, inUse: async () => new Set(inUse), randomHex: () => randomHex });
}

async function take(addresses: ReturnType<typeof open>, count: number): Promise<string[]> {
  return Promise.all(Array.from({ length: count }, () => addresses.next()));
}

test("S7: the first life begins anywhere, and an address is given once, also to many at once", async () => {
  const taken = await take(open(), 1000);
  assert.equal(taken[0], "240.9.1.0");
  assert.equal(new Set(taken).size, 1000);
});

test("S7: another life goes on behind what the one before may have given", async () => {
  const before = await take(open(), 300);
  const after = await take(open([], "00000000"), 300);
  assert.equal(new Set([...before, ...after]).size, 600);
});

test("S7: an address comes back only behind the whole range, and not while it is in use", async () => {
  const used = ["240.9.1.0", "240.9.2.7"];
  const addresses = open(used);
  const taken: string[] = [];
  while (taken.length < range.size - used.length) taken.push(await addresses.next());
  assert.equal(new Set(taken).size, range.size - 2);
  assert.ok(used.every((address) => !taken.includes(address)));
});

test("a file that was damaged is as good as none", async () => {
  await open().next();
  await writeFile(join(dir, "network/next-identity"), "\0\0\0");
  assert.equal(await open([], "00000005").next(), "240.9.0.5");
});

test("a disk that cannot be written to fails the call, and the next one tries again", async () => {
  await writeFile(join(dir, "network"), "in the way");
  const addresses = open();
  await assert.rejects(addresses.next());
  await rm(join(dir, "network"));
  assert.equal(await addresses.next(), "240.9.1.0");
});
