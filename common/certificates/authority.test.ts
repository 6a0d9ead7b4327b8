import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { issueCertificate, makeAuthority } from "./authority.ts";

const run = promisify(execFile);
const nowMs = Date.now();
const hosts = ["localhost", "127.0.0.1", "::1", "box.example"];
const options = { name: "gateway", hosts, usages: ["server", "client"] as const, nowMs, days: 397 };

test("G7: openssl takes a certificate of ours for its names, for servers and clients, and for no other authority's", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "esb-authority-"));
  const authority = await makeAuthority({ name: "authority", nowMs, days: 3650 });
  const other = await makeAuthority({ name: "authority", nowMs, days: 3650 });
  const issued = await issueCertificate(authority, options);
  const path = (name: string) => join(dir.path, name);
  await writeFile(path("authority"), authority.certificate);
  await writeFile(path("other"), other.certificate);
  await writeFile(path("issued"), issued.certificate);
  const verify = (ca: string, ...rest: string[]) =>
    run("openssl", ["verify", "-x509_strict", "-CAfile", path(ca), ...rest, path("issued")]);
  for (const purpose of ["sslserver", "sslclient"]) {
    await verify("authority", "-purpose", purpose, "-verify_hostname", "box.example");
    await verify("authority", "-purpose", purpose, "-verify_ip", "::1");
  }
  await assert.rejects(verify("authority", "-verify_hostname", "other.example"), /[Hh]ostname mismatch/);
  await assert.rejects(verify("other"), /verif/);
});

test("what is issued fits its key, names every host and ends when it should", async () => {
  const authority = await makeAuthority({ name: "a, O=b", nowMs, days: 10 });
  const { certificate, key } = await issueCertificate(authority, options);
  const parsed = new X509Certificate(certificate);
  assert.ok(parsed.checkPrivateKey(createPrivateKey(key)));
  assert.ok(parsed.verify(new X509Certificate(authority.certificate).publicKey));
  assert.ok(parsed.checkIssued(new X509Certificate(authority.certificate)));
  assert.equal(parsed.ca, false);
  assert.match(parsed.issuer, /^CN=a\\?, O\\?=b$/m);
  for (const host of hosts.filter((name) => !name.includes(":"))) assert.ok(parsed.subjectAltName?.includes(host));
  assert.ok(parsed.checkIP("::1") !== undefined);
  assert.equal(Math.round((parsed.validToDate.getTime() - nowMs) / 86_400_000), 397);
  const again = await issueCertificate(authority, options);
  assert.notEqual(new X509Certificate(again.certificate).serialNumber, parsed.serialNumber);
});
