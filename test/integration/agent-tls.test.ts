import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { createSecureContext } from "node:tls";
import { promisify } from "node:util";
import { ChannelCredentials } from "@grpc/grpc-js";
import { createChannel, createClientFactory } from "nice-grpc";
import { deadlineMiddleware } from "nice-grpc-client-middleware-deadline";
import { HealthDefinition } from "nice-grpc-server-health";
import { issueCertificate, type KeyPair, makeAuthority } from "../../common/certificates/authority.ts";
import { readAuthority } from "../../scripts/certificates/authority-file.ts";
import { makeCertificates, tlsSettings } from "../support/agent-tls.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { staticServerArchive, staticServerImage } from "../support/images.ts";
import { freePort } from "../support/port.ts";

const dayMs = 86_400_000;
let folder: string;
let address: string;
let esb: TestEsb;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "esb-certificates-"));
  await makeCertificates(folder);
  address = `127.0.0.1:${await freePort()}`;
  esb = await startEsb({
    certificates: folder,
    archives: [await staticServerArchive()],
    settings: { ESB_AGENT_ADDRESS: address, ESB_NETWORK_POOL: "0", ESB_FREEZE_AFTER_MS: "0" },
    functions: `functions:\n  hello: { image: "${staticServerImage}", memory: 128 }\n`,
  });
});
after(async () => {
  await esb?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const file = (role: string, name: string) => readFile(join(folder, role, name));
const pairOf = async (role: string) => ({
  certificate: (await file(role, "cert.pem")).toString(),
  key: (await file(role, "key.pem")).toString(),
});

/** One call as somebody with these credentials; undefined: in plaintext. */
async function call(credentials: ChannelCredentials | undefined): Promise<void> {
  const channel = createChannel(address, credentials);
  try {
    const health = createClientFactory().use(deadlineMiddleware).create(HealthDefinition, channel);
    await health.check({ service: "" }, { deadline: 2000 });
  } finally {
    channel.close();
  }
}

const shows = async ({ certificate, key }: Partial<KeyPair> = {}, maxVersion?: "TLSv1.2") => {
  const options = { ca: await file("operator", "ca.pem"), cert: certificate, key };
  return ChannelCredentials.createFromSecureContext(
    createSecureContext({ ...options, ...(maxVersion && { maxVersion }) }),
  );
};

const issued = async (role: string, usages: readonly ("client" | "server")[], nowMs = Date.now()) => {
  const authority = await readAuthority(join(folder, "authority", "authority.pem"));
  assert.ok(authority !== undefined);
  return await issueCertificate(authority, { name: role, hosts: [`${role}.esb.internal`], usages, nowMs, days: 30 });
};

const ready = async () => {
  const answer = await fetch(`${esb.url}/ready`);
  return { status: answer.status, body: (await answer.json()) as { agent: { error?: string }; agentTls?: object } };
};
const untilReady = () =>
  until(
    async () => assert.equal((await ready()).status, 200),
    patienceMs,
    async (error) => `${error}: ${await esb.gateway.log()}`,
  );
const logs = (process: "agent" | "gateway", pattern: RegExp) =>
  until(async () => assert.match(await esb[process].log(), pattern), patienceMs);

const foreign = async () => {
  const authority = await makeAuthority({ name: "esb agent authority", nowMs: Date.now(), days: 30 });
  const options = {
    name: "gateway",
    hosts: ["gateway.esb.internal"],
    usages: ["client"] as const,
    nowMs: Date.now(),
    days: 30,
  };
  return await issueCertificate(authority, options);
};

const refused: [string, () => Promise<ChannelCredentials | undefined>, RegExp][] = [
  ["plaintext", async () => undefined, /it does not speak TLS \(/],
  ["no certificate", () => shows(), /it shows no certificate \(/],
  [
    "a foreign authority's certificate",
    async () => shows(await foreign()),
    /of none of the authorities in ESB_AGENT_TLS_CA/,
  ],
  ["the agent's own certificate", async () => shows(await pairOf("agent")), /is not made for its part/],
  [
    "an expired certificate",
    async () => shows(await issued("gateway", ["client"], Date.now() - 31 * dayMs)),
    /has expired \(/,
  ],
  [
    "a certificate of our authority for somebody else",
    async () => shows(await issued("printer", ["client"])),
    /is for none of gateway.esb.internal/,
  ],
  ["TLS 1.2", async () => shows(await pairOf("gateway"), "TLSv1.2"), /it does not speak TLS 1.3/],
];
for (const [what, credentials, reason] of refused) {
  test(`D4: ${what} is refused by the agent, which logs why`, async () => {
    await assert.rejects(call(await credentials()), /UNAVAILABLE/);
    await logs("agent", reason);
  });
}

test("D4: gateway and operator call the agent over mutual TLS, and both logs and /ready tell of their certificates", async () => {
  await call(await shows(await pairOf("operator")));
  await call(await shows(await pairOf("gateway")));
  assert.equal((await esb.invoke("hello")).status, 200);
  assert.match(await esb.agent.log(), /"tls":true.*"listening"/);
  assert.match(JSON.stringify((await ready()).body.agentTls), /validTo/);
});

test("D4: what else calls the agent in a deployment does so over mutual TLS: the health check, the import of an image", async () => {
  const run = (args: readonly string[], role: string) =>
    promisify(execFile)(process.execPath, args, {
      env: { ...process.env, ESB_AGENT_ADDRESS: address, ...tlsSettings(folder, role) },
    });
  await run(["deploy/docker/agent-healthy.mjs"], "agent");
  const imported = await run(["scripts/import-image.ts", await staticServerArchive()], "gateway");
  assert.match(imported.stdout, /imported: localhost\/esb-static/);
  await assert.rejects(
    run(["scripts/import-image.ts", await staticServerArchive()], "agent"),
    /right after the handshake/,
  );
});

test("D4: a new authority takes over under load without a failed request, and each side can be restarted at any step", async () => {
  const first = await file("agent", "ca.pem");
  await underLoad(() => makeCertificates(folder, "--rotate", "--settle-ms", "2500"));
  assert.ok((await file("agent", "ca.pem")).includes(first), "the former authority is trusted beside the new one");
  // Trusts the new authority alone, so it succeeds only with what the running agent has read by itself.
  const current = (await readAuthority(join(folder, "authority", "authority.pem")))?.certificate;
  const { certificate, key } = await pairOf("operator");
  const context = createSecureContext({ ca: current, cert: certificate, key });
  await until(() => call(ChannelCredentials.createFromSecureContext(context)), patienceMs);
  await restartAgent("SIGTERM");

  await underLoad(() => makeCertificates(folder, "--drop-former"));
  assert.ok(!(await file("gateway", "ca.pem")).includes(first));
  await restartAgent("SIGKILL");
  await esb.gateway.stop();
  await esb.gateway.start();
  await untilReady();
  assert.equal((await esb.invoke("hello")).status, 200);
});

/** Requests each of which needs the agent, since the worker is frozen after every one; for a while longer than the work. */
async function underLoad(work: () => Promise<unknown>): Promise<void> {
  const statuses: number[] = [];
  let over = false;
  const load = (async () => {
    while (!over) {
      statuses.push((await esb.invoke("hello")).status);
      await delay(10);
    }
  })();
  await work();
  await delay(1500);
  await until(async () => assert.ok(statuses.length > 20), patienceMs);
  over = true;
  await load;
  assert.deepEqual([...new Set(statuses)], [200]);
}

async function restartAgent(signal: NodeJS.Signals): Promise<void> {
  await esb.agent.stop(signal);
  await esb.agent.start();
  await esb.agentReady();
  await untilReady();
}

test("D4: a gateway whose certificate has expired is refused, both say why, and it works again once it has another", async () => {
  const kept = join(folder, "kept");
  await cp(join(folder, "gateway"), kept, { recursive: true });
  await put(await issued("gateway", ["client"], Date.now() - 31 * dayMs));
  await logs("gateway", /certificate for agent and gateway has expired/);
  await esb.agent.stop("SIGKILL");
  await esb.agent.start();
  await esb.agentReady();
  await until(async () => {
    const { status, body } = await ready();
    assert.equal(status, 503);
    assert.match(body.agent.error ?? "", /it may refuse our certificate, and its log tells why/);
  }, patienceMs);
  await logs(
    "gateway",
    /"reason":"it closed the connection right after.*gateway\/cert.pem.*no TLS connection to the agent/,
  );
  await logs("agent", /"reason":"its certificate has expired.*a caller's connection is refused/);
  await esb.gateway.assertAlive();

  await put({
    certificate: (await readFile(join(kept, "cert.pem"))).toString(),
    key: (await readFile(join(kept, "key.pem"))).toString(),
  });
  await untilReady();
  assert.equal((await esb.invoke("hello")).status, 200);
});

test("D4: an agent whose authority the gateway does not trust is refused by it, as /ready says", async () => {
  const kept = { ca: await file("gateway", "ca.pem") };
  const authority = await makeAuthority({ name: "esb agent authority", nowMs: Date.now(), days: 30 });
  await writeFile(join(folder, "gateway", "ca.pem"), authority.certificate);
  const says = async () =>
    assert.match((await ready()).body.agent.error ?? "", /none of the authorities in ESB_AGENT_TLS_CA/);
  // The gateway reads its files again now and then; before it has, it trusts the agent once more.
  await until(async () => {
    await esb.agent.stop("SIGKILL");
    await esb.agent.start();
    await esb.agentReady();
    await until(says, 5000);
  }, patienceMs);
  await writeFile(join(folder, "gateway", "ca.pem"), kept.ca);
  await untilReady();
});

async function put({ certificate, key }: KeyPair): Promise<void> {
  const unfinished = join(folder, "unfinished");
  await mkdir(unfinished, { recursive: true });
  for (const [name, text] of Object.entries({ "key.pem": key, "cert.pem": certificate })) {
    await writeFile(join(unfinished, name), text, { mode: 0o600 });
    await rename(join(unfinished, name), join(folder, "gateway", name));
  }
}
