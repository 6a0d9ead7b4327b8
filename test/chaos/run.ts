import assert from "node:assert/strict";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startEsb, type TestEsb, until } from "../support/esb.ts";
import { probeArchive, staticExtensionArchive, staticRuntimeArchive, staticServerArchive } from "../support/images.ts";
import { newSince, takeSnapshot } from "../support/leaks.ts";
import { slowness } from "../support/slowness.ts";
import { freeSubnet } from "../support/subnet.ts";
import type { World } from "./actions/action.ts";
import { actions } from "./actions/table.ts";
import { demands, FunctionsFile, firstFunctions, textOf } from "./functions.ts";
import { Journal } from "./journal.ts";
import { runLoad } from "./load.ts";
import { planActions, planRequests } from "./plan.ts";
import { type Outcome, reportOf } from "./report.ts";
import { type Sample, sampleOf, trendOf } from "./samples.ts";
import { assertEmpty, settle } from "./settle.ts";
import { Locks, unleash } from "./unleash.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  /** Whether to keep the logs also when nothing was wrong. */
  readonly keep?: boolean;
  /** Ends the run early, and cleans up. */
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface ChaosResult {
  readonly report: string;
  /** A text each; empty: nothing was wrong. */
  readonly violations: readonly string[];
  /** Where the logs are, if they were kept. */
  readonly artefacts: string | undefined;
}

/** Networks that are attached ahead of need. */
const networkPool = 2;
/** Shorter runs say nothing about memory: it goes up and down more than that. */
const trendsFromMinutes = 10;
const sampleEveryMs = 500;
/** What was ended at the end may take its time to go. */
const goneWithinMs = 30_000;
/** Least share of requests that a function answers, on a machine with time to spare for it. */
const leastServed = 0.05;

/** One run on an esb of its own, of which nothing is left but, where something was wrong, its logs. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const lines: string[] = [];
  const began = performance.now();
  const journal = new Journal(
    () => performance.now() - began,
    (line) => lines.push(line),
  );
  const before = await takeSnapshot();
  const folder = `/tmp/esb-chaos-${options.seed}-${Date.now()}`;
  let outcome: Outcome;
  let marks: string[];
  {
    await using esb = await startEsb({
      archives: [
        await staticServerArchive(),
        await probeArchive(),
        await staticRuntimeArchive(),
        await staticExtensionArchive(),
      ],
      runtimeApi: true,
      functions: textOf(firstFunctions),
      settings: {
        ESB_SUBNET: (await freeSubnet(26)).subnet,
        ESB_NETWORK_POOL: String(networkPool),
        ESB_FREEZE_AFTER_MS: "300",
        ESB_QUEUE_TIMEOUT_MS: "10000",
        ESB_SWEEP_INTERVAL_SECONDS: "5",
      },
    });
    const ranges = [esb.subnet, esb.settings.ESB_IDENTITY_SUBNET ?? "", esb.settings.ESB_INVOCATION_SUBNET ?? ""];
    marks = [esb.network, esb.containerd.dir, ...ranges.map((range) => range.replace(/(\.0)+\/.*/, "."))];
    outcome = await runOn(esb, journal, options);
    if (journal.violations.length > 0 || options.keep) await keepArtefacts(esb, folder);
  }
  let left: string[] = [];
  await until(async () => {
    left = newSince(before, await takeSnapshot()).filter((line) => marks.some((mark) => line.includes(mark)));
    assert.deepEqual(left, []);
  }, goneWithinMs).catch(() => undefined);
  for (const line of left) journal.violate(`left on the machine: ${line}`);
  const kept = journal.violations.length > 0 || options.keep === true;
  if (kept) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "journal.log"), `${lines.join("\n")}\n`);
  }
  return {
    report: reportOf({
      ...outcome,
      leaks: [...outcome.leaks, ...left],
      violations: journal.violations.length,
    }),
    violations: journal.violations.map(
      ({ atMs, what, around }) =>
        `${(atMs / 1000).toFixed(1)} s: ${what}\n    while: ${around.join(", ") || "nothing"}`,
    ),
    artefacts: kept ? folder : undefined,
  };
}

async function runOn(esb: TestEsb, journal: Journal, { seed, minutes, signal, say }: ChaosOptions): Promise<Outcome> {
  const durationMs = minutes * 60_000;
  const file = new FunctionsFile(esb.functionsFile, journal.now);
  const world: World = { esb, journal, file };
  const locks = new Locks();
  const endings = new Map<string, number[]>();
  const ended = new AbortController();
  const watching = watchProcesses(world, locks, ended.signal);
  const beganMs = journal.now();

  await Promise.all([
    runLoad({
      url: esb.url,
      requests: planRequests(seed, durationMs, demands),
      journal,
      file,
      signal,
      onEnd(kind, latencyMs) {
        const latencies = endings.get(kind);
        if (latencies === undefined) endings.set(kind, [latencyMs]);
        else latencies.push(latencyMs);
      },
    }),
    unleash(planActions(seed, durationMs, actions), actions, world, locks, signal),
  ]);
  const counts = [...endings].map(([kind, { length }]) => ({ served: kind.startsWith("ok") ? length : 0, length }));
  const share = sum(counts.map(({ served }) => served)) / Math.max(1, sum(counts.map(({ length }) => length)));
  // Chaos that lets nothing through shows nothing.
  if (share < leastServed / slowness() && !signal.aborted)
    journal.violate(`only ${Math.round(share * 100)} % were served`);
  ended.abort();
  const samples = await watching;
  const seconds = (journal.now() - beganMs) / 1000;
  const leaks: string[] = [];
  if (!signal.aborted) {
    say("settling");
    await settle(world, networkPool);
    leaks.push(...(await assertEmpty(world)));
  }
  const trends = Object.fromEntries(
    Object.entries(samples).map(([name, list]) => [
      name,
      trendOf(
        list.map((s) => ({ ...s, atMs: s.atMs - beganMs })),
        durationMs,
      ),
    ]),
  );
  for (const [name, trend] of Object.entries(trends)) {
    if (minutes < trendsFromMinutes) break;
    for (const what of trend?.grown ?? []) journal.violate(`${name}: ${what} grew, ${JSON.stringify(trend)}`);
  }
  const serving = [...(await esb.agent.log()).matchAll(/"workers":(\d+),"msg":"serving"/g)].map(([, n]) => Number(n));
  return {
    seed,
    seconds,
    endings,
    actions: journal.counts,
    adoptions: sum(serving),
    agentStarts: serving.length,
    leaks,
    trends,
    violations: 0,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const watched = ["agent", "gateway", "runtimeApi"] as const;
type Watched = (typeof watched)[number];

/** Memory and open files over time; and nobody may end whom we have not ended. */
async function watchProcesses(
  { esb, journal }: World,
  locks: Locks,
  signal: AbortSignal,
): Promise<Record<Watched, Sample[]>> {
  const samples: Record<Watched, Sample[]> = { agent: [], gateway: [], runtimeApi: [] };
  while (!signal.aborted) {
    for (const name of watched) {
      const process = esb[name];
      const sample = await sampleOf(process.pid, journal.now());
      if (sample !== undefined) samples[name].push(sample);
      if (locks.held(name)) continue;
      const failure = await process.assertAlive().catch((error: Error) => error);
      // It may be its turn by now.
      if (failure === undefined || locks.held(name)) continue;
      journal.violate(`${name} has ended of itself: ${failure.message.slice(-3000)}`);
      await process.start();
    }
    await delay(sampleEveryMs, undefined, { signal }).catch(() => undefined);
  }
  return samples;
}

async function keepArtefacts(esb: TestEsb, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const copy = (from: string, to: string) => cp(from, join(folder, to), { recursive: true }).catch(() => undefined);
  await Promise.all([
    copy(join(esb.containerd.dir, "logs"), "logs"),
    copy(join(esb.containerd.dir, "containerd.log"), "containerd.log"),
    copy(join(esb.settings.ESB_STATE_DIR ?? "", "."), "state"),
    copy(esb.functionsFile, "functions.yml"),
  ]);
}
