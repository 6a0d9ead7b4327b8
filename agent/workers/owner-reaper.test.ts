import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentError } from "../errors.ts";
import { OwnerReaper, type OwnerReaperOptions } from "./owner-reaper.ts";
import { OwnerPresence } from "./owners.ts";
import { ensureRequest, never, type TestService, testService } from "./service.fake.ts";

const timeoutMs = 60_000;
const graceMs = 2000;

interface Setup extends AsyncDisposable, TestService {
  readonly presence: OwnerPresence;
  readonly reaper: OwnerReaper;
  readonly logged: string[];
  /** Lets time pass as a running agent sees it: with a check at each interval. */
  pass(milliseconds: number): Promise<void>;
  /** Lets time pass without us. */
  skip(milliseconds: number): void;
}

/** A service with two workers each of the owners `here`, who has a Watch open, and `away`, who has not. */
async function setUp(options: Partial<OwnerReaperOptions> = {}): Promise<Setup> {
  let nowMs = 1_000_000;
  const now = () => nowMs;
  const t = await testService();
  for (const owner of ["here", "away"]) {
    for (const slot of [0, 1]) await t.service.ensure(ensureRequest({ owner, slot }), never);
  }
  const logged: string[] = [];
  const log = (level: string) => (fields: { owner: string; removed?: number }, text: string) =>
    logged.push(`${level} ${fields.owner} ${fields.removed ?? ""} ${text}`);
  const presence = new OwnerPresence(now);
  presence.enter("here");
  const reaper = new OwnerReaper({
    presence,
    workers: t.service,
    ready: () => undefined,
    timeoutMs,
    now,
    logger: { info: log("info"), warn: log("warn") } as unknown as OwnerReaperOptions["logger"],
    ...options,
  });
  return {
    ...t,
    presence,
    reaper,
    logged,
    skip(milliseconds) {
      nowMs += milliseconds;
    },
    async pass(milliseconds) {
      for (let left = milliseconds; left > 0; left -= reaper.intervalMs) {
        await reaper.check();
        nowMs += Math.min(left, reaper.intervalMs);
      }
      await reaper.check();
    },
  };
}

const ownersLeft = ({ service }: TestService) => service.table.all().map(({ identity }) => identity.owner);

test("S6: the workers of an owner that does not come back are removed, nobody else's, with one line about it", async () => {
  await using t = await setUp();
  await t.pass(timeoutMs - 1);
  assert.equal(ownersLeft(t).length, 4);
  await t.pass(1);
  assert.deepEqual(ownersLeft(t), ["here", "here"]);
  assert.deepEqual(t.logged, ["info away 2 an owner did not come back"]);
  assert.equal(t.runtime.calls.filter((call) => call.endsWith(` ${graceMs}`)).length, 2, "they get their grace time");
});

test("S6: an owner that comes back keeps its workers, also when it leaves again for less than the time", async () => {
  await using t = await setUp();
  await t.pass(timeoutMs - 1);
  t.presence.enter("away")[Symbol.dispose]();
  await t.pass(timeoutMs - 1);
  assert.equal(ownersLeft(t).length, 4);
});

test("S6: an owner that comes back while its workers are being removed keeps the rest", async () => {
  await using t = await setUp();
  for (const slot of [2, 3, 4, 5]) await t.service.ensure(ensureRequest({ owner: "away", slot }), never);
  t.runtime.at("destroy", () => void t.presence.enter("away"));
  await t.pass(timeoutMs);
  const kept = ownersLeft(t).filter((owner) => owner === "away").length;
  assert.ok(kept >= 2 && kept < 6, `${kept} are left`);
});

test("S6: owners can't be heard while the agent is stopped or its runtime away; they get the whole time again", async () => {
  let unavailable = false;
  const ready = () => {
    if (unavailable) throw new AgentError("RUNTIME_UNAVAILABLE", "away");
  };
  await using t = await setUp({ ready });
  await t.pass(timeoutMs - 1);
  t.skip(10 * timeoutMs);
  await t.pass(timeoutMs - 1);
  unavailable = true;
  await t.pass(10 * timeoutMs);
  unavailable = false;
  await t.pass(timeoutMs - 1);
  assert.equal(ownersLeft(t).length, 4);
  await t.pass(t.reaper.intervalMs);
  assert.deepEqual(ownersLeft(t), ["here", "here"]);
});

test("S6: a worker that cannot be removed does not keep the others, and is tried again", async () => {
  await using t = await setUp();
  let failures = 1;
  t.runtime.at("destroy", () => {
    failures -= 1;
    if (failures >= 0) throw new Error("busy");
  });
  await t.pass(timeoutMs);
  assert.deepEqual(ownersLeft(t), ["away", "here", "here"].sort());
  assert.match(t.logged[0] ?? "", /^warn away .*could not be removed/);
  await t.pass(t.reaper.intervalMs);
  assert.deepEqual(ownersLeft(t), ["here", "here"]);
});
