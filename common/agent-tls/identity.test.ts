import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { issueCertificate, type KeyPair, makeAuthority } from "../certificates/authority.ts";
import { openIdentity } from "./identity.ts";

const nowMs = Date.now();
const authority = await makeAuthority({ name: "authority", nowMs, days: 3650 });
const issue = (days: number) =>
  issueCertificate(authority, { name: "gateway", hosts: ["gateway.esb.internal"], usages: ["client"], nowMs, days });

async function setUp(pair: KeyPair) {
  const dir = await mkdtempDisposable(join(tmpdir(), "esb-identity-"));
  const path = (name: string) => join(dir.path, name);
  const files = { authorities: path("ca.pem"), certificate: path("cert.pem"), key: path("key.pem") };
  const put = async (file: string, text: string) => {
    await writeFile(`${file}.part`, text);
    await rename(`${file}.part`, file);
  };
  await put(files.authorities, authority.certificate);
  await put(files.certificate, pair.certificate);
  await put(files.key, pair.key);
  const logged: [string, string][] = [];
  const events = new EventTarget();
  const log = (level: string) => (_fields: object, message: string) => {
    logged.push([level, message]);
    events.dispatchEvent(new Event("log"));
  };
  const logger = { info: log("info"), warn: log("warn"), error: log("error") };
  const untilLogged = async (pattern: RegExp) => {
    while (!logged.some(([, message]) => pattern.test(message))) await once(events, "log");
  };
  const open = () => openIdentity(files, { now: () => nowMs, logger });
  return { files, put, logged, untilLogged, open, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() };
}

test("D4: a renewed certificate is taken over while the process runs; between its two files the former one holds", async () => {
  const first = await issue(400);
  await using setup = await setUp(first);
  using identity = await setup.open();
  assert.equal(identity.material.certificate, first.certificate);
  const changed = Promise.withResolvers<string>();
  identity.onChange(({ certificate }) => changed.resolve(certificate));
  const next = await issue(500);
  await setup.put(setup.files.key, next.key);
  await setup.untilLogged(/refused, the last good one holds/);
  assert.equal(identity.material.key, first.key);
  assert.match(identity.status().error ?? "", /the key is not that of the certificate/);
  await setup.put(setup.files.certificate, next.certificate);
  assert.equal(await changed.promise, next.certificate);
  assert.equal(identity.status().error, undefined);
  assert.equal(Math.round((Date.parse(identity.status().validTo) - nowMs) / 86_400_000), 500);
});

for (const [days, level, message] of [
  [400, "info", /loaded/],
  [29, "warn", /expires soon/],
  [-1, "error", /has expired/],
] as const) {
  test(`D4: a certificate that ends in ${days} days is told of as ${level}`, async () => {
    await using setup = await setUp(await issue(days));
    using _identity = await setup.open();
    assert.equal(setup.logged.length, 1);
    assert.equal(setup.logged[0]?.[0], level);
    assert.match(setup.logged[0]?.[1] ?? "", message);
  });
}

test("D4: what is missing or does not fit at the start is told with its file and setting", async () => {
  await using setup = await setUp(await issue(400));
  await setup.put(setup.files.authorities, "none");
  await assert.rejects(
    setup.open(),
    /^ConfigurationError: ESB_AGENT_TLS_CA=.*ca.pem: cannot be read: there is no certificate/,
  );
  await setup.put(setup.files.authorities, authority.certificate);
  await setup.put(setup.files.key, (await issue(400)).key);
  await assert.rejects(setup.open(), /ESB_AGENT_TLS_KEY=.*key.pem: the key is not that of the certificate/);
  const files = { ...setup.files, certificate: `${setup.files.certificate}.none` };
  const logger = { info: () => {}, warn: () => {}, error: () => {} };
  await assert.rejects(openIdentity(files, { now: () => nowMs, logger }), /cert.pem.none.*ENOENT/);
});
