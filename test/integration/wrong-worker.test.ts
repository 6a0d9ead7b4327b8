import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { WorkerState } from "../../proto/gen/esb/agent/v1/agent.ts";
import { ensureRequest } from "../support/calls.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { staticServerArchive, staticServerImage } from "../support/images.ts";
import { randomNumbers } from "../support/random.ts";
import { freeSubnet } from "../support/subnet.ts";

/** Each answers with its own name and with what it was asked. */
const names = ["ann", "ben", "cleo", "dan"];
/** Five addresses: four workers of the functions and one more, so that each start takes what another has just left. */
const prefixLength = 29;
const loadMs = 10_000;
const honest = [429, 502, 503, 504];

let esb: TestEsb;
before(async () => {
  const functions = names.map(
    (name) =>
      `  ${name}: { image: "${staticServerImage}", timeout: 5, concurrency: { max: 1 }, environment: { ECHO: named } }`,
  );
  esb = await startEsb({
    archives: [await staticServerArchive()],
    functions: `functions:\n${functions.join("\n")}\n`,
    settings: {
      ESB_SUBNET: (await freeSubnet(prefixLength)).subnet,
      ESB_NETWORK_POOL: "0",
      ESB_FREEZE_AFTER_MS: "150",
    },
  });
});
after(() => esb?.[Symbol.asyncDispose]());

/** Asks again and again, for as long as `goesOn`; the answers by status, and what was wrong with any. */
async function load(name: string, goesOn: () => boolean, onAnswer: () => void) {
  const statuses = new Map<number, number>();
  const wrong: string[] = [];
  for (let count = 0; goesOn(); count += 1) {
    const nonce = `${name} ${count} ${Math.random()}`;
    const response = await esb.invoke(name, { nonce }).catch(() => undefined);
    const text = (await response?.text().catch(() => undefined)) ?? "";
    // Lambda answers with 200 also when the worker ended meanwhile, and says so in a header.
    const ended = response?.headers.has("x-amz-function-error") === true;
    const status = ended ? 502 : (response?.status ?? 0);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status === 200) onAnswer();
    if (status === 200 && !isOwn(text, name, nonce)) wrong.push(`${name} was answered ${text}`);
    if (status !== 200 && !honest.includes(status)) wrong.push(`${name} was refused with ${status} ${text}`);
    if (status !== 200) await delay(20);
  }
  return { statuses, wrong };
}

function isOwn(text: string, name: string, nonce: string): boolean {
  const answer = JSON.parse(text) as { function?: string; event?: { nonce?: string } };
  return answer.function === name && answer.event?.nonce === nonce;
}

/** Which functions have had which of the subnet's addresses. */
async function noteHolders(holders: Map<string, Set<string>>): Promise<void> {
  const folder = join(esb.settings.ESB_STATE_DIR ?? "", "network");
  const records = (await readdir(folder)).filter((name) => name.endsWith(".json"));
  const { workers } = await esb.workers.list({});
  for (const name of records) {
    const text = await readFile(join(folder, name), "utf8").catch(() => undefined);
    if (text === undefined) continue;
    const { address, identity } = JSON.parse(text) as { address: string; identity: string };
    const holder = workers.find(({ host }) => host === identity)?.function;
    if (holder !== undefined) holders.set(address, (holders.get(address) ?? new Set()).add(holder));
  }
}

/** Ends workers from outside. Frozen ones by the agent: in some kernels they die of a signal only once they thaw. */
async function endWorkers(owner: string, which: () => boolean): Promise<void> {
  const { workers } = await esb.workers.list({});
  const chosen = workers.filter((worker) => worker.owner === owner && which());
  await Promise.all(
    chosen.map(async ({ id, pid, state }) => {
      if (state === WorkerState.RUNNING) process.kill(pid, "SIGKILL");
      else await esb.workers.destroy({ workerId: id });
    }),
  ).catch(() => undefined);
}

/** Gives the functions' addresses to workers that answer with another name, while the gateway sees nothing of it. */
async function handAddressesOver(gateway: string, holders: Map<string, Set<string>>): Promise<void> {
  const pid = esb.gateway.pid ?? 0;
  let strangers: string[] = [];
  process.kill(pid, "SIGSTOP");
  try {
    const request = (slot: number) => ({ ...ensureRequest("stranger", { environment: { ECHO: "named" } }), slot });
    await until(async () => {
      await endWorkers(gateway, () => true);
      const made = await Promise.all(names.map((_, slot) => esb.workers.ensure(request(slot))));
      strangers = made.map(({ worker }) => worker?.id ?? "");
    }, patienceMs);
    await noteHolders(holders);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  await delay(500);
  await Promise.all(strangers.map((workerId) => esb.workers.destroy({ workerId })));
}

test("S7: no answer ever comes from another function, though addresses go from one to the next within seconds", async (t) => {
  const random = randomNumbers(t);
  for (const name of names) assert.equal((await esb.invoke(name)).status, 200);
  const gateway = (await esb.workers.list({})).workers[0]?.owner ?? "";
  const holders = new Map<string, Set<string>>();
  const begun = performance.now();
  let answered = 0;
  const handedOver = () => {
    const shared = [...holders.values()].filter((of) => of.size > 1);
    return shared.length > 2 && shared.some((of) => of.has("stranger"));
  };
  // A machine with no time to spare gets as much as it needs to show something.
  const goesOn = () => {
    const tookMs = performance.now() - begun;
    return tookMs < loadMs || (tookMs < patienceMs && (answered <= 20 || !handedOver()));
  };
  const onAnswer = () => {
    answered += 1;
  };
  const loads = names.flatMap((name) => [load(name, goesOn, onAnswer), load(name, goesOn, onAnswer)]);

  for (let round = 0; goesOn(); round += 1) {
    await noteHolders(holders);
    await endWorkers(gateway, () => random(2) === 0);
    await delay(random(300));
    if (round % 8 === 4) await handAddressesOver(gateway, holders);
  }
  const results = await Promise.all(loads);
  assert.deepEqual(
    results.flatMap((result) => result.wrong),
    [],
  );
  const sum = (status: number) => results.reduce((all, { statuses }) => all + (statuses.get(status) ?? 0), 0);
  t.diagnostic([200, 0, ...honest].map((status) => `${status}: ${sum(status)}`).join(", "));
  t.diagnostic([...holders].map(([address, of]) => `${address}: ${[...of].join(" ")}`).join("; "));
  assert.ok(sum(200) > 20, "there were answers");
  assert.ok(handedOver(), "addresses changed hands");
  for (const name of names) {
    await until(async () => assert.equal((await esb.invoke(name)).status, 200), patienceMs);
  }
});
