import { Agent } from "node:http";
import { join } from "node:path";
import { createRuntimeApi } from "../../agent/runtime-workers/client.ts";
import { Driver } from "../../proto/gen/esb/agent/v1/agent.ts";
import { until } from "../support/process.ts";
import { tracesOf } from "../support/traces.ts";
import type { World } from "./actions/action.ts";
import { discrepancies, misadmissions } from "./inventory.ts";
import { send } from "./load.ts";
import { judge } from "./verdict.ts";

/** Longest time until every function answers again: a breaker may be open, and a pool of networks empty. */
const answersWithinMs = 120_000;
/** Longest time until what the agent tells and what is there are the same. */
const consistentWithinMs = 60_000;
const emptyWithinMs = 60_000;

/** After the chaos: every function answers, and the machine holds what the pools say, no more and no less. */
export async function settle({ esb, journal, file }: World, networkPool: number): Promise<void> {
  const violate = (what: string) => (error: unknown) => journal.violate(`${what}: ${(error as Error).message}`);
  await esb.agentReady(30_000).catch(violate("the agent does not serve again"));
  const agent = new Agent({ keepAlive: false });
  for (const name of Object.keys(file.functions)) {
    const request = {
      atMs: 0,
      function: name,
      event: { op: "introduce", nonce: `end-${name}` },
      leaveAfterMs: undefined,
    };
    const answers = async () => {
      const ending = await send(esb.url, request, agent);
      const definitions = [file.functions[name]];
      const { kind, violation } = judge(request, ending, { gatewayDown: false, excuse: () => false, definitions });
      if (!kind.startsWith("ok")) throw new Error(`${violation ?? kind} ${JSON.stringify(ending)}`);
    };
    await until(answers, answersWithinMs).catch(violate(`${name} does not answer any more`));
  }
  const consistent = async () => {
    const { workers } = await esb.workers.list({});
    const ids = workers.map(({ id }) => id);
    const driven = workers.filter(({ driver }) => driver === Driver.RUNTIME_API).map(({ instanceId }) => instanceId);
    const found = [
      ...discrepancies(ids, await tracesOfOurs(esb, ids), networkPool),
      ...misadmissions(driven, await admittedTo(esb)),
    ];
    if (found.length > 0) throw new Error(`workers ${ids.join(", ")}:\n  ${found.join("\n  ")}`);
  };
  await until(consistent, consistentWithinMs).catch(violate("not consistent"));
}

/** Ends gateway, workers and agent as an operator would. @returns what is left of them */
export async function assertEmpty({ esb, journal }: World): Promise<string[]> {
  await esb.gateway.stop("SIGTERM");
  const destroyAll = async () => {
    const { workers } = await esb.workers.list({});
    await Promise.all(workers.map(({ id }) => esb.workers.destroy({ workerId: id, graceMs: 500 })));
  };
  await until(destroyAll, emptyWithinMs).catch((error: Error) =>
    journal.violate(`Destroy at the end: ${error.message}`),
  );
  await esb.agent.stop("SIGTERM");
  let left: string[] = [];
  const empty = async () => {
    left = [...(await tracesOfOurs(esb, [])), ...misadmissions([], await admittedTo(esb))];
    if (left.length > 0) throw new Error(left.join("\n"));
  };
  await until(empty, emptyWithinMs).catch(() => undefined);
  for (const line of left) journal.violate(`leaked: ${line}`);
  return left;
}

/**
 * Traces without folders of containerd's own that it cannot remove any more, as it logs, after it was killed while it
 * removed one. They go when a worker of that id is made (agent/containerd/stale-bundle.ts).
 */
async function tracesOfOurs(esb: World["esb"], workers: readonly string[]): Promise<string[]> {
  const [traces, log] = await Promise.all([tracesOf(esb), esb.containerd.log()]);
  return traces.filter((line) => {
    const [, id] = /^bundle: \.?(.+)$/.exec(line) ?? [];
    return id === undefined || workers.includes(id) || !log.includes(`/.${id}: file exists`);
  });
}

/** Instances that the process which serves the Runtime API knows. */
async function admittedTo({ settings }: World["esb"]): Promise<string[]> {
  using api = createRuntimeApi(join(settings.ESB_RUN_DIR ?? "", "runtime-api.sock"));
  return await api.list(AbortSignal.timeout(emptyWithinMs));
}
