import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempDisposable, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ownCertificate } from "./own-certificate.ts";

const dayMs = 86_400_000;
const hosts = ["localhost", "127.0.0.1", "::1"];

async function setUp() {
  const dir = await mkdtempDisposable(join(tmpdir(), "esb-own-"));
  const clock = { nowMs: Date.now() };
  const make = (names = hosts) =>
    ownCertificate({ dir: join(dir.path, "tls"), hosts: names, epochMs: () => clock.nowMs });
  return { dir, clock, make, [Symbol.asyncDispose]: () => dir.remove() };
}

const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256;

test("G7: made once and kept, its keys for the owner alone", async () => {
  await using setup = await setUp();
  const first = await setup.make();
  assert.equal(first.fresh, true);
  const second = await setup.make();
  assert.equal(second.fresh, false);
  assert.equal(fingerprint(second.pair.certificate), fingerprint(first.pair.certificate));
  for (const name of ["gateway.pem", "authority/key.pem"]) {
    assert.equal((await stat(join(setup.dir.path, "tls", name))).mode & 0o777, 0o600);
  }
  assert.equal(first.authorityPath, join(setup.dir.path, "tls/authority/certificate.pem"));
});

const renewals: ReadonlyArray<
  readonly [string, { days?: number; names?: string[]; spoil?: string; authority: "stays" | "new" }]
> = [
  ["a month before it ends", { days: 397 - 29, authority: "stays" }],
  ["when a host is new", { names: [...hosts, "box.example"], authority: "stays" }],
  ["when its file is spoiled", { spoil: "gateway.pem", authority: "stays" }],
  ["with the authority, when that has ended", { days: 3651, authority: "new" }],
];
for (const [when, { days = 0, names = hosts, spoil, authority }] of renewals) {
  test(`G7: made anew ${when}: the authority ${authority === "stays" ? "stays" : "is new"}`, async () => {
    await using setup = await setUp();
    const first = await setup.make();
    const trusted = fingerprint(await readFile(first.authorityPath, "utf8"));
    setup.clock.nowMs += days * dayMs;
    if (spoil !== undefined) await writeFile(join(setup.dir.path, "tls", spoil), "-----BEGIN CERTIFICATE-----\nMII");
    const second = await setup.make(names);
    assert.equal(second.fresh, true);
    assert.notEqual(fingerprint(second.pair.certificate), fingerprint(first.pair.certificate));
    assert.equal(fingerprint(await readFile(second.authorityPath, "utf8")) === trusted, authority === "stays");
  });
}

test("two gateways that make it at the same time have one authority, and leave nothing half-made", async () => {
  await using setup = await setUp();
  const made = await Promise.all([setup.make(), setup.make(), setup.make()]);
  const authority = new X509Certificate(await readFile(join(setup.dir.path, "tls/authority/certificate.pem"), "utf8"));
  for (const { pair } of made) assert.ok(new X509Certificate(pair.certificate).verify(authority.publicKey));
  assert.deepEqual((await readdir(join(setup.dir.path, "tls"))).sort(), ["authority", "gateway.pem"]);
});
