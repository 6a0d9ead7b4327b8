import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { after, before, test } from "node:test";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { nodeClientArchive, nodeClientImage } from "../support/runtimes/images.ts";
import { pythonClientMissing } from "../support/runtimes/install.ts";
import { proofArchive, proofs } from "../support/runtimes/proofs.ts";

/** A worker that attacks another over the bridge and the Runtime API, with all that its sandbox leaves to it. */

const python = proofs.find(({ name }) => name === "python");
const options = { skip: pythonClientMissing() ?? false };
const functions = `
defaults: { timeout: 30, memory: 256, idle: { freezeAfterMs: -1 } }
functions:
  victim: { image: ${nodeClientImage}, handler: worker.look }
  attacker: { image: "${python?.image.name}", handler: attacker.handler, memory: 1024 }
`;

let esb: TestEsb;

before(async () => {
  if (options.skip !== false || python === undefined) return;
  const archives = [await nodeClientArchive(), await proofArchive(python.image)];
  esb = await startEsb({ functions, archives, runtimeApi: true });
});
after(() => esb?.[Symbol.asyncDispose]());

/** Ways that need no privilege; the kernel has no route from an address that is not there. */
const addressed = ["bind", "bind freely", "datagram"];

async function attack(name: string, ...given: unknown[]): Promise<Record<string, string>> {
  const response = await esb.invoke("attacker", { attack: name, with: given });
  const text = await response.text();
  assert.deepEqual([response.status, response.headers.get("x-amz-function-error")], [200, null], text);
  return JSON.parse(text);
}

/** The victim as the gateway and its neighbours know it. */
async function victim() {
  const answer = await esb.invoke("victim");
  assert.equal(answer.status, 200, await answer.text());
  const { workers } = await esb.workers.list({});
  const worker = workers.find(({ id }) => id === "victim-0");
  assert.ok(worker !== undefined);
  const { Labels: labels } = JSON.parse(await esb.ctr("containers", "info", "victim-0"));
  return { host: worker.host, port: worker.port, source: String(labels["esb.source-address"]) };
}

/** Runs an invocation of the victim, with an id that the attacker knows, until `meanwhile` is over. */
async function whileItWorks(id: string, waitMs: number, meanwhile: (source: string) => Promise<void>): Promise<void> {
  const { host, port, source } = await victim();
  const running = fetch(`http://${host}:${port}/2015-03-31/functions/function/invocations`, {
    method: "POST",
    headers: { "x-amzn-requestid": id },
    body: JSON.stringify({ mine: true, waitMs }),
  });
  await meanwhile(source);
  assert.equal(await Promise.race([running, "works"]), "works", "all the while");
  const { event, requestId } = (await (await running).json()) as { event: unknown; requestId: string };
  assert.deepEqual([event, requestId], [{ mine: true, waitMs }, id]);
}

test(
  "S7 L3: a worker cannot have another's address, nor send from it, nor say that it is the other",
  options,
  async () => {
    await attack("reach", []);
    const id = randomUUID();
    await whileItWorks(id, 6000, async (source) => {
      const path = `/2018-06-01/runtime/invocation/${id}/response`;
      const outcomes = Object.entries(await attack("as_another", source, path));
      assert.equal(outcomes.length, 13);
      for (const [way, outcome] of outcomes) {
        const expected = addressed.includes(way) ? /^(EADDRNOTAVAIL|ENETUNREACH|EINVAL)$/ : /^EPERM$/;
        assert.match(outcome, expected, way);
      }
      const headers = { "X-Forwarded-For": source, Forwarded: `for=${source}`, Host: source };
      for (const what of ["response", "error"]) {
        const asked = attack("ask", "POST", `/2018-06-01/runtime/invocation/${id}/${what}`, headers);
        assert.equal(await asked, 400, what);
      }
    });
  },
);

test(
  "S7 L3: of the host a worker reaches the Runtime API and Lambda's API, and of other workers nothing",
  options,
  async () => {
    const { host, port, source } = await victim();
    const listeners = ["0.0.0.0", "::"].map((address) =>
      createServer().listen({ host: address, port: 0, ipv6Only: true }),
    );
    await Promise.all(listeners.map((listener) => once(listener, "listening")));
    const [four = 0, six = 0] = listeners.map((listener) => (listener.address() as AddressInfo).port);
    const bridge = esb.subnet.replace(/0\/\d+$/, "1");
    const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
    const others = own.filter(({ internal, family }) => !internal && family === "IPv4").map(({ address }) => address);
    const local = own.filter(({ address }) => address.startsWith("fe80:")).map(({ address }) => address);
    assert.equal(await connects(bridge, four), true, "the host itself can");
    const closed = [
      `${bridge}:${four}`,
      `${bridge}:${esb.settings.ESB_GATEWAY_PORT}`,
      ...others.flatMap((address) =>
        [`${address}:${four}`, `${address}:9001`].filter((place) => place !== `${bridge}:9001`),
      ),
      ...local.map((address) => `${address}%eth0:${six}`),
      `${source}:8080`,
      `${source}:9001`,
      `${host}:${port}`,
      `${host}:9001`,
    ];
    const reached = await attack("reach", [`${bridge}:9001`, ...closed]);
    for (const listener of listeners) listener.close();
    assert.equal(reached[`${bridge}:9001`], "did it");
    for (const place of closed) assert.notEqual(reached[place], "did it", place);
    const sockets = [
      "/run/containerd/containerd.sock",
      esb.containerd.address,
      `${esb.settings.ESB_RUN_DIR}/runtime-api.sock`,
    ];
    assert.deepEqual(Object.values(await attack("files", sockets)), ["ENOENT", "ENOENT", "ENOENT"]);
  },
);

test(
  "S5 L3: while a worker floods the Runtime API, another is served, and memory and open files stay bounded",
  options,
  async () => {
    await attack("reach", []);
    await victim();
    const before = await uses();
    const flooding = attack("flood", 8);
    let over = false;
    const noted = flooding.finally(() => {
      over = true;
    });
    const took: number[] = [];
    let most = before;
    while (!over) {
      const begin = performance.now();
      const answer = await esb.invoke("victim");
      assert.deepEqual([answer.status, answer.headers.get("x-amz-function-error")], [200, null], await answer.text());
      took.push(performance.now() - begin);
      const { bytes, files } = await uses();
      most = { bytes: Math.max(most.bytes, bytes), files: Math.max(most.files, files) };
    }
    await noted;
    took.sort((one, other) => one - other);
    const median = took[took.length >> 1] ?? Number.POSITIVE_INFINITY;
    assert.ok(took.length > 10 && median < 500, `${took.length} invocations, ${Math.round(median)} ms the median`);
    assert.ok(most.files - before.files > 16, "the flood comes through");
    assert.ok(most.files - before.files <= 128, `${before.files} open files, ${most.files} at most`);
    assert.ok(most.bytes - before.bytes < 256 * 1024 ** 2, `${before.bytes} bytes of memory, ${most.bytes} at most`);
  },
);

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("connect", () => resolve(socket.destroy() !== undefined));
    socket.once("error", () => resolve(false));
  });
}

/** What the process of the Runtime API uses. */
async function uses(): Promise<{ bytes: number; files: number }> {
  const folder = `/proc/${esb.runtimeApi.pid}`;
  const [, kibibytes] = /^VmRSS:\s+(\d+)/m.exec(await readFile(`${folder}/status`, "utf8")) ?? [];
  return { bytes: Number(kibibytes) * 1024, files: (await readdir(`${folder}/fd`)).length };
}
