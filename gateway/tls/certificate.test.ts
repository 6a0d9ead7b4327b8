import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "node:tls";
import { issueCertificate, type KeyPair, makeAuthority } from "../../common/certificates/authority.ts";
import { freePort } from "../../test/support/port.ts";
import { functionsFile, runGateway } from "../testing/gateway-process.ts";
import { type Harness, startHarness, until } from "../testing/harness.ts";
import { answerOf, begin, openHttp2 } from "../testing/http2-client.ts";

async function setUp() {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await mkdtempDisposable(join(tmpdir(), "esb-certificate-")));
  const authority = await makeAuthority({ name: "test", nowMs: Date.now(), days: 10 });
  const issue = (name: string) =>
    issueCertificate(authority, { name, hosts: ["127.0.0.1"], usages: ["server"], nowMs: Date.now(), days: 9 });
  const certificate = join(dir.path, "certificate.pem");
  const key = join(dir.path, "key.pem");
  const write = async (pair: KeyPair) => {
    // As certbot and others do it: each file is put in place of the old one.
    for (const [path, text] of [
      [certificate, pair.certificate],
      [key, pair.key],
    ] as const) {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    }
  };
  await write(await issue("first"));
  const harness = stack.use(await startHarness({ ESB_TLS: "on", ESB_TLS_CERT: certificate, ESB_TLS_KEY: key }));
  const owned = stack.move();
  return { harness, issue, write, certificate, key, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** The name in the certificate that a new connection is shown. */
async function shown({ url }: Harness): Promise<string | undefined> {
  const { port } = new URL(url);
  const socket = connect({ host: "127.0.0.1", port: Number(port), rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const name = socket.getPeerCertificate().subject.CN;
  socket.destroy();
  return Array.isArray(name) ? name[0] : name;
}

const tlsState = async ({ get }: Harness) => JSON.parse((await get("/ready")).body).tls;

test("G7: new files are shown to new connections, and those that are open go on", async () => {
  await using setup = await setUp();
  const { harness } = setup;
  await using session = await openHttp2(harness.url);
  assert.equal(await shown(harness), "first");
  await setup.write(await setup.issue("second"));
  await until(async () => (await shown(harness)) === "second");
  assert.equal((await answerOf(begin(session, "GET", "/health"))).status, 200);
});

test("G7: files that do not fit, are cut off or missing: the last good pair holds, /ready says why, and mending mends it", async () => {
  await using setup = await setUp();
  const { harness } = setup;
  assert.match((await tlsState(harness)).validTo, /^\d{4}-/);
  const second = await setup.issue("second");
  const broken: ReadonlyArray<readonly [() => Promise<void>, RegExp]> = [
    [() => writeFile(setup.key, second.key), /the key is not that of the certificate$/],
    [() => writeFile(setup.key, second.key.slice(0, 60)), /the key cannot be read/],
    [() => writeFile(setup.certificate, second.certificate.slice(0, 200)), /the certificate cannot be read/],
    [() => rename(setup.key, `${setup.key}.away`), /ENOENT/],
  ];
  for (const [spoil, message] of broken) {
    await spoil();
    await until(async () => message.test(String((await tlsState(harness)).error)));
    assert.equal(await shown(harness), "first");
  }
  assert.equal((await harness.get("/ready")).status, 200);
  await setup.write(second);
  await until(async () => (await shown(harness)) === "second");
  assert.equal((await tlsState(harness)).error, undefined);
});

async function startProcess(environment: Record<string, string>) {
  await using stack = new AsyncDisposableStack();
  const { file } = stack.use(await functionsFile("functions: {}"));
  const gateway = stack.use(
    runGateway({
      ESB_FUNCTIONS: file,
      ESB_ROUTING: "none",
      ESB_TLS: "on",
      ESB_LAMBDA_AUTH: "off",
      ESB_AGENT_ADDRESS: "127.0.0.1:1",
      ESB_GATEWAY_PORT: String(await freePort()),
      ...environment,
    }),
  );
  const owned = stack.move();
  return { gateway, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

test("G7: in development the start tells the certificate's fingerprint and the authority's file", async () => {
  await using dir = await mkdtempDisposable(join(tmpdir(), "esb-tls-"));
  await using setup = await startProcess({ ESB_MODE: "development", ESB_STATE_DIR: dir.path });
  await setup.gateway.logged("gateway listens");
  const { out } = setup.gateway.output;
  assert.match(out, /"sha256":"([\dA-F]{2}:){31}[\dA-F]{2}"/);
  assert.ok(out.includes(`"file":"${dir.path}/gateway/tls/authority/certificate.pem"`));
  assert.match(out, /"url":"https:\/\/127\.0\.0\.1:\d+"/);
});

const refused: ReadonlyArray<readonly [string, Record<string, string>, RegExp]> = [
  ["without files in production", { ESB_MODE: "production" }, /^ESB_TLS=on: ESB_TLS_CERT and ESB_TLS_KEY are not set/],
  [
    "without files where others can reach it",
    { ESB_MODE: "development", ESB_GATEWAY_HOST: "0.0.0.0" },
    /^ESB_TLS=on: ESB_TLS_CERT and ESB_TLS_KEY are not set/,
  ],
  ["with one file", { ESB_TLS_CERT: "/nowhere" }, /^ESB_TLS=on: .* belong together, and ESB_TLS_KEY is not set/],
  [
    "with a file and without TLS",
    { ESB_TLS: "off", ESB_TLS_CERT: "/nowhere" },
    /^ESB_TLS_CERT is set and ESB_TLS is off/,
  ],
  [
    "with files that are not there",
    { ESB_TLS_CERT: "/nowhere", ESB_TLS_KEY: "/nowhere" },
    /ESB_TLS_CERT=\/nowhere.*ENOENT/,
  ],
];
for (const [what, environment, message] of refused) {
  test(`G7: the start is refused ${what}`, async () => {
    await using setup = await startProcess(environment);
    assert.deepEqual((await setup.gateway.exited)[0], 1);
    assert.match(setup.gateway.output.error, message);
  });
}
