import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { createServer as createPlainServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { createServer } from "nice-grpc";
import type { TlsMaterial } from "../../common/agent-tls/identity.ts";
import { issueCertificate, makeAuthority } from "../../common/certificates/authority.ts";
import { listenWithTls } from "./tls.ts";

const nowMs = Date.now();
const authority = await makeAuthority({ name: "authority", nowMs, days: 30 });
const issue = (name: string, usage: "server" | "client") =>
  issueCertificate(authority, { name, hosts: [`${name}.esb.internal`], usages: [usage], nowMs, days: 20 });
const materialOf = async (name: string, usage: "server" | "client") => {
  const { certificate, key } = await issue(name, usage);
  return { authorities: authority.certificate, certificate, key };
};

function identityOf(material: TlsMaterial, onChange: (callback: (material: TlsMaterial) => void) => void = () => {}) {
  return { material, onChange };
}

async function setUp() {
  const dir = await mkdtempDisposable(join(tmpdir(), "esb-tls-"));
  const path = join(dir.path, "agent.sock");
  const refused: string[] = [];
  const changes: ((material: TlsMaterial) => void)[] = [];
  const material = await materialOf("agent", "server");
  const identity = identityOf(material, (callback) => void changes.push(callback));
  const server = createServer();
  await listenWithTls({ identity, onRefused: (reason) => void refused.push(reason) }, (credentials) =>
    server.listen(`unix://${path}`, credentials),
  );
  const dial = async ({ certificate, key }: TlsMaterial, session?: Buffer): Promise<TLSSocket> => {
    const host = { path, servername: "agent.esb.internal", ALPNProtocols: ["h2"] };
    const socket = connect({ ...host, ca: authority.certificate, cert: certificate, key, ...(session && { session }) });
    await once(socket, "secureConnect");
    return socket;
  };
  return {
    refused,
    material,
    dial,
    renew: (next: TlsMaterial) => changes.forEach((callback) => void callback(next)),
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
      await dir[Symbol.asyncDispose]();
    },
  };
}

test("D4: a renewed certificate is shown to who connects from then on; connections that stand go on", async () => {
  await using setup = await setUp();
  const gateway = await materialOf("gateway", "client");
  using before = disposable(await setup.dial(gateway));
  const next = await materialOf("agent", "server");
  setup.renew(next);
  using after = disposable(await setup.dial(gateway));
  const shown = [before, after].map(({ socket }) => socket.getPeerX509Certificate()?.toString().trim());
  assert.deepEqual(shown, [setup.material.certificate.trim(), next.certificate.trim()]);
  await once(before.socket, "data");
  assert.equal(before.socket.destroyed, false);
});

test("D4: no connection is resumed, so each is judged by the certificate as it is then", async () => {
  await using setup = await setUp();
  const gateway = await materialOf("gateway", "client");
  const sessions: Buffer[] = [];
  using first = disposable(await setup.dial(gateway));
  first.socket.on("session", (session: Buffer) => void sessions.push(session));
  await once(first.socket, "data");
  using second = disposable(await setup.dial(gateway, sessions[0] ?? first.socket.getSession()));
  assert.equal(second.socket.isSessionReused(), false);
});

test("D4: who has a certificate of the authority for something else is refused before a call is read", async () => {
  await using setup = await setUp();
  using other = disposable(await setup.dial(await materialOf("printer", "client")));
  other.socket.resume();
  await once(other.socket, "close");
  assert.match(setup.refused.join(), /CN=printer.* is for none of gateway.esb.internal, operator.esb.internal/s);
});

test("D4: a server that cannot be guarded does not go on", async () => {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await mkdtempDisposable(join(tmpdir(), "esb-tls-")));
  const plain = stack.adopt(createPlainServer(), async (server) => void server.close());
  const identity = identityOf(await materialOf("agent", "server"));
  const listening = listenWithTls({ identity, onRefused: () => undefined }, async () => {
    plain.listen(join(dir.path, "s"));
    await once(plain, "listening");
  });
  await assert.rejects(listening, /not there to be guarded/);
});

function disposable(socket: TLSSocket) {
  socket.on("error", () => undefined);
  return { socket, [Symbol.dispose]: () => void socket.destroy() };
}
