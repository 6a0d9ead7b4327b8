import { setTimeout as sleep } from "node:timers/promises";
import { agentAt } from "./agent.ts";
import { ctr } from "./containerd.ts";
import { showRoute } from "./demo-route.ts";
import type { ScriptSettings } from "./settings.ts";

export interface Demo {
  readonly settings: ScriptSettings;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

interface Invocation {
  readonly status: number;
  readonly body: string;
  readonly durationMs: number;
  /** cold, thawed or warm, as the gateway tells. */
  readonly start: string;
  readonly worker: string;
  readonly phases: string;
}

/**
 * Shows the main job on real containers: a cold start, containerd's word that the worker is frozen, a thaw, a warm
 * invocation.
 * Says so where functions.yml has no such function any more.
 * @throws Error when an invocation fails or the worker does not freeze
 */
export async function showDemo(demo: Demo): Promise<void> {
  const { settings, say } = demo;
  if (!(await hasExample(demo))) {
    say(`\n${settings.functionsPath} has no function "hello", so there is nothing to show`);
    return;
  }
  await forgetWorkers(demo);
  say(`\nPOST ${urlOf(settings)}`);
  const cold = await invoke(demo);
  tell(demo, cold);
  if (settings.freezeAfterMs < 0) say("frozen   never: ESB_FREEZE_AFTER_MS is -1");
  else {
    const since = performance.now();
    const line = await untilPaused(demo, cold.worker);
    say(`frozen   after ${(performance.now() - since).toFixed(0)} ms; ctr -n ${settings.namespace} tasks ls: ${line}`);
    tell(demo, await invoke(demo));
  }
  if (settings.freezeAfterMs !== 0) tell(demo, await invoke(demo));
  await showRoute(demo);
}

/** A worker from before would hide the cold start. */
async function forgetWorkers({ settings, say }: Demo): Promise<void> {
  using agent = agentAt(settings.agentAddress);
  const workers = (await agent.listWorkers()).filter((worker) => worker.function === "hello");
  const ids = workers.map((worker) => worker.id);
  if (ids.length > 0) say(`${ids.join(", ")} from before destroyed, to show a cold start`);
  for (const failure of await agent.destroyWorkers(ids)) say(`warning: not destroyed: ${failure}`);
}

/** The phases of `server-timing` (W3C), as `name 1.2`, those that took no time left out. */
export function phasesOf(header: string | null): string {
  return (header ?? "")
    .split(",")
    .map((part) => /^\s*([\w-]+)\s*;.*?\bdur=([\d.]+)/.exec(part))
    .filter((match) => match !== null)
    .filter(([, , duration]) => Number(duration) > 0)
    .map(([, name, duration]) => `${name} ${Number(duration).toFixed(1)}`)
    .join("  ");
}

/** The columns of `ctr tasks ls` for one id, when its state is PAUSED. */
export function pausedLine(list: string, id: string): string | undefined {
  const columns = list.split("\n").map((line) => line.trim().split(/\s+/));
  return columns.find(([name, , state]) => name === id && state === "PAUSED")?.join(" ");
}

function tell({ say }: Demo, invocation: Invocation): void {
  const phases = invocation.phases === "" ? "" : `  (ms: ${invocation.phases})`;
  say(`${invocation.start.padEnd(8)} ${invocation.durationMs.toFixed(1)} ms: ${invocation.body}${phases}`);
}

function urlOf(settings: ScriptSettings): string {
  return `${settings.gatewayUrl}/2015-03-31/functions/hello/invocations`;
}

async function hasExample(demo: Demo): Promise<boolean> {
  const response = await post(demo, { "x-amz-invocation-type": "DryRun" });
  await response.body?.cancel();
  return response.status !== 404;
}

function post({ settings, signal }: Demo, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(urlOf(settings), {
    method: "POST",
    headers,
    body: '{"name":"edge"}',
    signal: AbortSignal.any([signal, AbortSignal.timeout(60_000)]),
  });
}

async function invoke(demo: Demo): Promise<Invocation> {
  const begin = performance.now();
  const response = await post(demo);
  const body = await response.text();
  const durationMs = performance.now() - begin;
  if (!response.ok || response.headers.has("x-amz-function-error")) {
    throw new Error(`the gateway answered ${response.status}: ${body}`);
  }
  return {
    status: response.status,
    body,
    durationMs,
    start: response.headers.get("x-esb-start") ?? "answered",
    worker: response.headers.get("x-esb-worker") ?? "hello-0",
    phases: phasesOf(response.headers.get("server-timing")),
  };
}

async function untilPaused({ settings, signal }: Demo, worker: string): Promise<string> {
  const deadline = performance.now() + settings.freezeAfterMs + 15_000;
  for (;;) {
    const list = await ctr(settings, "tasks", "ls");
    const line = pausedLine(list, worker);
    if (line !== undefined) return line;
    if (performance.now() > deadline) throw new Error(`${worker} was not frozen; ctr tasks ls says:\n${list}`);
    await sleep(50, undefined, { signal });
  }
}
