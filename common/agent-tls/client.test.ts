import assert from "node:assert/strict";
import { once } from "node:events";
import { createSecureServer, createServer, type Http2SecureServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createChannel, createClient } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { issueCertificate, makeAuthority } from "../certificates/authority.ts";
import { ClientTlsCredentials } from "./client.ts";
import type { TlsMaterial } from "./identity.ts";

const nowMs = Date.now();
const ours = await makeAuthority({ name: "authority", nowMs, days: 30 });
const others = await makeAuthority({ name: "authority", nowMs, days: 30 });
const gateway = await issueCertificate(ours, {
  name: "gateway",
  hosts: ["gateway.esb.internal", "localhost"],
  usages: ["client"],
  nowMs,
  days: 30,
});

interface AgentCertificate {
  readonly authority?: typeof ours;
  readonly hosts?: readonly string[];
  readonly madeAtMs?: number;
}

async function agent({ authority = ours, hosts = ["localhost"], madeAtMs = nowMs }: AgentCertificate = {}) {
  const options = { name: "agent", hosts, usages: ["server"] as const, nowMs: madeAtMs, days: 30 };
  const { certificate, key } = await issueCertificate(authority, options);
  return createSecureServer({ cert: certificate, key });
}

/** What a client of ours meets that calls this server. @returns the reasons that it told, each once */
async function meets(server: Http2Server | Http2SecureServer): Promise<string[]> {
  server.on("error", () => undefined);
  server.on("stream", (stream) => stream.respond({ ":status": 404 }, { endStream: true }));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const reasons = new Set<string>();
  const identity = {
    material: { authorities: ours.certificate, certificate: gateway.certificate, key: gateway.key },
    onChange: (_callback: (material: TlsMaterial) => void) => undefined,
  };
  const onTrouble = (reason: string) => void reasons.add(reason);
  const credentials = new ClientTlsCredentials({ identity, host: "localhost", onTrouble });
  const channel = createChannel(`127.0.0.1:${port}`, credentials);
  await assert.rejects(createClient(HealthDefinition, channel).check({ service: "" }));
  channel.close();
  server.close();
  return [...reasons];
}

const refused: readonly (readonly [string, () => Promise<Http2Server | Http2SecureServer>, RegExp])[] = [
  ["of another authority", () => agent({ authority: others }), /of none of the authorities in ESB_AGENT_TLS_CA/],
  ["for another host", () => agent({ hosts: ["elsewhere"] }), /for other names than the host of ESB_AGENT_ADDRESS/],
  ["that has expired", () => agent({ madeAtMs: nowMs - 31 * 86_400_000 }), /has expired \(CERT_HAS_EXPIRED\)/],
  [
    "that is a gateway's",
    async () => createSecureServer({ cert: gateway.certificate, key: gateway.key }),
    /not made for its part/,
  ],
  [
    "of TLS 1.2",
    async () => createSecureServer({ cert: gateway.certificate, key: gateway.key, maxVersion: "TLSv1.2" }),
    /does not speak TLS 1.3/,
  ],
  ["without TLS", async () => createServer(), /does not speak TLS \(/],
];
for (const [what, server, reason] of refused) {
  test(`D4: an agent ${what} is refused, and why is told`, async () => {
    const reasons = await meets(await server());
    assert.equal(reasons.length, 1, reasons.join());
    assert.match(reasons[0] ?? "", reason);
  });
}

test("D4: with the right agent there is no trouble", async () => {
  assert.deepEqual(await meets(await agent()), []);
});
