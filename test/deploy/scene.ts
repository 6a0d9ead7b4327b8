import assert from "node:assert/strict";
import { join } from "node:path";
import type { DockerEngine } from "../support/docker/engine.ts";
import type { Stack } from "../support/docker/stack.ts";
import { patienceMs, until } from "../support/process.ts";
import { longestMs, type Outcome, startLoad, tally } from "./load.ts";

export const root = join(import.meta.dirname, "../..");

/** Settings of an upgrade. */
export const next = { ESB_VERSION: "next" };

export interface Greeting {
  readonly message: string;
  readonly worker: { readonly startedAt: string };
  readonly invocations: number;
}

export async function greet(stack: Stack): Promise<Greeting> {
  const answer = await stack.invoke();
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text);
}

/** Lines of `ctr tasks ls`: worker, pid, state. */
export async function tasks(stack: Stack): Promise<string[][]> {
  const table = await stack.exec("node", "ctr", "-n", "esb", "tasks", "ls");
  return table
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/));
}

/** Every worker that there is. */
export async function untilFrozen(stack: Stack): Promise<void> {
  await until(async () => {
    const states = (await tasks(stack)).map(([, , state]) => state);
    assert.ok(states.length > 0 && states.every((state) => state === "PAUSED"), states.join(" "));
  }, patienceMs);
}

/**
 * Thaws a killed node's workers, as docs/deployment.md tells for control groups of version 1; in those of version 2, what
 * is frozen can be killed.
 * @param node its container's id
 */
export async function thawed(engine: DockerEngine, node: string): Promise<void> {
  const groups = "/sys/fs/cgroup/freezer";
  const thaw = `find ${groups} -path "*${node}*/freezer.state" -exec sh -c 'echo THAWED >"$1"' - {} \\;`;
  await engine.inside("sh", "-c", `test ! -d ${groups} || ${thaw}`);
}

/** What containerd and the network hold is of workers that run, once the agent has cleaned up. */
export async function assertNothingBesideTasks(stack: Stack): Promise<void> {
  const lines = async (...command: string[]) => (await stack.exec(...(command as [string]))).trim().split("\n");
  await until(async () => {
    const running = (await tasks(stack)).map(([id]) => id).sort();
    assert.deepEqual((await lines("node", "ctr", "-n", "esb", "containers", "ls", "-q")).sort(), running);
    const snapshots = await lines("node", "ctr", "-n", "esb", "snapshots", "ls");
    assert.deepEqual(
      snapshots
        .map((line) => line.split(/\s+/))
        .filter((words) => words.includes("Active"))
        .map(([id]) => id)
        .sort(),
      running,
    );
  }, patienceMs);
}

/** Which workers there are, by their processes. */
export async function warmWorkers(stack: Stack): Promise<string[]> {
  await greet(stack);
  return (await tasks(stack)).map(([id, pid]) => `${id} ${pid}`).sort();
}

/** There may be more of them by now. */
export async function assertStillThere(stack: Stack, before: readonly string[]): Promise<void> {
  const now = await warmWorkers(stack);
  assert.deepEqual(
    before.filter((worker) => !now.includes(worker)),
    [],
    `these went cold; there are ${now.join(", ")}`,
  );
}

/** Until when the gateway's certificate is valid; as text, empty without one. */
export async function certificateEnd(stack: Stack): Promise<string> {
  const ready = (await (await fetch(`${stack.url}/ready`)).json()) as { agentTls?: { validTo: string } };
  return ready.agentTls?.validTo ?? "";
}

/** What clients saw, where some requests have to fail. */
export function tell(when: string, outcomes: readonly Outcome[]): void {
  process.stdout.write(
    `${when}, requests by status: ${JSON.stringify(tally(outcomes))}, the longest took ${longestMs(outcomes)} ms\n`,
  );
}

/** Images that differ from the ones that run. */
export async function labelled(engine: DockerEngine, tag: string): Promise<void> {
  for (const target of ["agent", "gateway", "example"]) {
    const from = ["--file", join(root, "deploy/docker/esb.Dockerfile"), "--target", target];
    await engine.docker(["build", ...from, "--label", `test=${tag}`, "--tag", `esb/${target}:${tag}`, root]);
  }
}

export async function greetAgain(stack: Stack): Promise<Greeting> {
  let greeting: Greeting | undefined;
  await until(async () => {
    greeting = await greet(stack);
  }, 60_000);
  if (greeting === undefined) throw new Error("no greeting");
  return greeting;
}

/** Kills a service's first process, as a crash would, and waits until Docker has started it anew. */
export async function killed(engine: DockerEngine, stack: Stack, service: string): Promise<void> {
  const { State } = await stack.facts(service);
  await engine.kill(State.Pid, "SIGKILL");
  await until(async () => {
    const now = (await stack.facts(service)).State;
    assert.deepEqual([now.Status, now.StartedAt === State.StartedAt], ["running", false]);
  }, patienceMs);
}

export async function underLoad(stack: Stack, work: () => Promise<unknown>): Promise<readonly Outcome[]> {
  await using load = startLoad(stack);
  await work();
  const seen = load.outcomes.length;
  await until(async () => assert.ok(load.outcomes.length > seen + 20), 60_000);
  return load.outcomes.slice();
}
