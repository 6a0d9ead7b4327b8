import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { Agent, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { Worker } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ask, ensureRequest, probeRequest } from "../support/calls.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { probeArchive, probeImage, staticServerArchive } from "../support/images.ts";
import { freeSubnet } from "../support/subnet.ts";

/** Leaves workers five addresses. */
const prefixLength = 29;
const places = 5;
const honest = [429, 502, 503, 504];
/** Not the gateway's: it leaves workers of other owners alone. */
const owner = "neighbour";
/** Far longer than the gateway needs to reach whoever has the address. */
const newsComeAfterMs = 500;
/** Where whoever reads the request writes that it did. */
const mark = { path: "/tmp/read-it" };

/** A function for each state in which the gateway keeps a worker that it would use. */
const functions = { awake: -1, frozen: 0 };

let esb: TestEsb;
before(async () => {
  const lines = Object.entries(functions).map(
    ([name, freezeAfterMs]) =>
      `  ${name}: { image: "${probeImage}", timeout: 5, concurrency: { max: 1 }, idle: { freezeAfterMs: ${freezeAfterMs} } }`,
  );
  esb = await startEsb({
    archives: [await staticServerArchive(), await probeArchive()],
    functions: `functions:\n${lines.join("\n")}\n`,
    settings: {
      ESB_SUBNET: (await freeSubnet(prefixLength)).subnet,
      ESB_NETWORK_POOL: "0",
      ESB_QUEUE_TIMEOUT_MS: "3000",
    },
  });
});
after(() => esb?.[Symbol.asyncDispose]());
afterEach(async () => {
  const { workers } = await esb.workers.list({});
  await Promise.all(workers.map(({ id }) => esb.workers.destroy({ workerId: id })));
});

async function only(name: string): Promise<Worker> {
  const { workers } = await esb.workers.list({});
  const [found, ...others] = workers.filter((worker) => worker.function === name);
  assert.ok(found !== undefined && others.length === 0, `one worker of ${name}`);
  return found;
}

/** The address that a worker has of the subnet, as the plugins gave it out. */
async function pluginAddress({ pid }: Worker): Promise<string | undefined> {
  const netns = async (path: string) => (await promisify(execFile)("stat", ["-Lc", "%d:%i", path])).stdout;
  const own = await netns(`/proc/${pid}/ns/net`);
  const folder = join(esb.settings.ESB_STATE_DIR ?? "", "network");
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".json"))) {
    const { id, address } = JSON.parse(await readFile(join(folder, file), "utf8")) as { id: string; address: string };
    if ((await netns(`/run/netns/${id}`)) === own) return address;
  }
  return undefined;
}

/** Until the gateway has no connection to a worker, so that its next request needs a new one. */
async function untilUnconnected({ host }: Worker): Promise<void> {
  await until(async () => {
    const { stdout } = await promisify(execFile)("ss", ["-Htn", "state", "established", "dst", host]);
    assert.equal(stdout, "");
  }, patienceMs);
}

async function untilStopped(pid: number): Promise<void> {
  await until(async () => assert.match(await readFile(`/proc/${pid}/stat`, "utf8"), /\) T /), patienceMs);
}

/** When the gateway has last noted that a worker has a request, or has none any more. */
async function lastNoted(): Promise<number> {
  return (await stat(join(esb.settings.ESB_RUN_DIR ?? "", "gateway-gateway.inflight"))).mtimeMs;
}

/** Sends on the client's one connection, which the gateway has accepted already. */
function send(client: Agent, method: string, path: string, body = ""): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(`${esb.url}${path}`, { agent: client, method }, resolve).on("error", reject).end(body);
  return promise;
}

for (const name of Object.keys(functions)) {
  test(`S7: a gateway that sends by old knowledge reaches nobody at the address that its ${name} worker had`, async (t) => {
    assert.equal((await esb.invoke(name, { op: "echo" })).status, 200);
    const mine = await only(name);
    await esb.waitForTask(mine.id, name === "frozen" ? "PAUSED" : "RUNNING");
    const address = await pluginAddress(mine);
    // The others hold every other address, so that the next worker gets the one that is given back.
    for (let slot = 1; slot < places; slot += 1) await esb.workers.ensure({ ...ensureRequest("holder"), slot, owner });
    await untilUnconnected(mine);

    const client = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => client.destroy());
    await text(await send(client, "GET", "/health"));
    const [gateway = 0, agent = 0] = [esb.gateway.pid, esb.agent.pid];
    let answering: Promise<IncomingMessage>;
    const notedBefore = await lastNoted();
    let stranger: Worker | undefined;
    try {
      process.kill(gateway, "SIGSTOP");
      await untilStopped(gateway);
      // First, so that the gateway will read it before it reads what happened to the worker.
      const event = JSON.stringify({ op: "write", ...mark });
      answering = send(client, "POST", `/2015-03-31/functions/${name}/invocations`, event);
      await esb.workers.destroy({ workerId: mine.id });
      stranger = (await esb.workers.ensure({ ...probeRequest("stranger"), owner })).worker;
      assert.ok(stranger !== undefined);
      assert.equal(await pluginAddress(stranger), address, "the stranger has the address that was the function's");
      // So that a thaw of the worker is not refused before the request has gone out beside it.
      process.kill(agent, "SIGSTOP");
      await untilStopped(agent);
      process.kill(gateway, "SIGCONT");
      // Without the agent there is no other worker that the request could have been given to.
      await until(
        async () => assert.ok((await lastNoted()) > notedBefore, "no worker was given the request"),
        patienceMs,
      );
      await delay(newsComeAfterMs);
    } finally {
      for (const pid of [gateway, agent]) process.kill(pid, "SIGCONT");
    }
    const answer = await answering;
    const told = await text(answer);
    t.diagnostic(`${answer.statusCode} ${told}`);
    const seen = await ask(stranger, "read", mark);
    assert.equal(seen.error, "ENOENT", "the stranger has read what was meant for the function");
    assert.ok(honest.includes(answer.statusCode ?? 0), `${answer.statusCode} ${told}`);

    await esb.workers.destroy({ workerId: stranger.id });
    await until(async () => {
      const again = await esb.invoke(name, { op: "env" });
      assert.equal(((await again.json()) as Record<string, string>).AWS_LAMBDA_FUNCTION_NAME, name);
    }, patienceMs);
  });
}
