import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempDisposable, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type MakeOptions, makeCertificates } from "./make.ts";

const dayMs = 86_400_000;
const names = ["agent", "gateway", "operator"];

async function setUp() {
  const dir = await mkdtempDisposable(join(tmpdir(), "esb-make-"));
  const folder = dir.path;
  const read = (path: string) => readFile(join(folder, path), "utf8");
  const make = async (changed: Partial<MakeOptions> = {}) => {
    const told: string[] = [];
    const tell = (sentence: string) => void told.push(sentence);
    const settle = async () => assert.fail("nobody has to be waited for");
    const options = { folder, hosts: ["localhost", "node"], owners: {}, rotate: false, dropFormer: false };
    await makeCertificates({ ...options, settle, nowMs: Date.now(), tell, ...changed });
    return told;
  };
  const all = async () =>
    Promise.all(names.flatMap((name) => ["ca", "cert", "key"].map((file) => read(`${name}/${file}.pem`))));
  return { folder, read, make, all, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

const certificates = (text: string) => text.split("-----BEGIN").length - 1;

test("D4: the first run makes all with keys for their owners only, and the next changes nothing", async () => {
  await using setup = await setUp();
  await setup.make({ owners: { gateway: { uid: 12_345, gid: 54_321 } } });
  const before = await setup.all();
  for (const path of ["authority/authority.pem", ...names.map((name) => `${name}/key.pem`)]) {
    assert.equal((await stat(join(setup.folder, path))).mode & 0o777, 0o600, path);
  }
  assert.equal((await stat(join(setup.folder, "authority"))).mode & 0o777, 0o700);
  const owner = await stat(join(setup.folder, "gateway/key.pem"));
  assert.deepEqual([owner.uid, owner.gid], [12_345, 54_321]);
  assert.ok(new X509Certificate(await setup.read("agent/cert.pem")).checkHost("node"));
  assert.match((await setup.make()).join(), /^unchanged/);
  assert.deepEqual(await setup.all(), before);
  assert.deepEqual(
    (await readdir(setup.folder, { recursive: true })).filter((name) => !/^\w+(\/\w+\.pem)?$/.test(name)),
    [],
  );
});

test("D4: what is near its end, lacks a host or is gone is made anew of the same authority, and keeps its owner", async () => {
  await using setup = await setUp();
  await setup.make({ owners: { gateway: { uid: 12_345, gid: 54_321 } } });
  const ca = await setup.read("agent/ca.pem");
  assert.match((await setup.make({ hosts: ["10.1.1.1"] })).join(), /^made: the agent's certificate, for 10.1.1.1/);
  await rm(join(setup.folder, "operator/key.pem"));
  assert.match((await setup.make({ hosts: [] })).join(), /^made: the operator's certificate/);
  const later = Date.now() + 400 * dayMs;
  assert.equal((await setup.make({ nowMs: later })).length, 3);
  assert.ok(new X509Certificate(await setup.read("gateway/cert.pem")).validToDate.getTime() > later + 700 * dayMs);
  assert.equal((await stat(join(setup.folder, "gateway/key.pem"))).uid, 12_345);
  assert.equal(await setup.read("agent/ca.pem"), ca);
});

test("D4: at a rotation everybody trusts both authorities before the first certificate of the new one is there", async () => {
  await using setup = await setUp();
  await setup.make();
  const before = await Promise.all(names.map((name) => setup.read(`${name}/cert.pem`)));
  let waited = 0;
  const settle = async () => {
    waited++;
    for (const name of names) assert.equal(certificates(await setup.read(`${name}/ca.pem`)), 2);
    assert.deepEqual(await Promise.all(names.map((name) => setup.read(`${name}/cert.pem`))), before);
  };
  await setup.make({ rotate: true, settle });
  assert.equal(waited, 1);
  for (const [index, name] of names.entries()) {
    const [newest = ""] = (await setup.read(`${name}/ca.pem`)).split(/(?<=-----END CERTIFICATE-----\n)/);
    const certificate = new X509Certificate(await setup.read(`${name}/cert.pem`));
    assert.ok(certificate.verify(new X509Certificate(newest).publicKey));
    assert.ok(!new X509Certificate(before[index] ?? "").verify(new X509Certificate(newest).publicKey));
  }
  assert.match((await setup.make()).join(), /^unchanged/);
  assert.equal(certificates(await setup.read("agent/ca.pem")), 2);
  await setup.make({ nowMs: Date.now() + 8 * dayMs });
  assert.equal(certificates(await setup.read("agent/ca.pem")), 1);
});

test("D4: a rotation that was killed half-way is finished by the next run", async () => {
  await using setup = await setUp();
  await setup.make();
  const killed = async () => Promise.reject(new Error("killed"));
  await assert.rejects(setup.make({ rotate: true, settle: killed }), /killed/);
  assert.equal((await setup.make()).filter((told) => told.startsWith("made: the ")).length, 3);
  assert.equal(certificates(await setup.read("agent/ca.pem")), 2);
  await setup.make({ dropFormer: true });
  assert.equal(certificates(await setup.read("agent/ca.pem")), 1);
});

test("D4: several first runs at the same time end with one authority", async () => {
  await using setup = await setUp();
  await Promise.all([setup.make(), setup.make(), setup.make()].map((run) => run.catch(() => undefined)));
  await setup.make({ settle: async () => undefined });
  const authority = new X509Certificate(await setup.read("authority/authority.pem"));
  for (const name of names) {
    assert.equal(await setup.read(`${name}/ca.pem`), await setup.read("agent/ca.pem"));
    assert.ok(new X509Certificate(await setup.read(`${name}/cert.pem`)).verify(authority.publicKey));
  }
});

test("D4: a spoiled authority is told of and left as it is", async () => {
  await using setup = await setUp();
  await setup.make();
  await writeFile(join(setup.folder, "authority/authority.pem"), "x");
  await assert.rejects(setup.make(), /authority.pem: a certificate or its key is missing/);
  assert.equal(await setup.read("authority/authority.pem"), "x");
});
