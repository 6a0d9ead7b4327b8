import { setTimeout as delay } from "node:timers/promises";
import { kill, type TestProcess, until, untilWhileAlive } from "../../support/process.ts";
import { shimsOf } from "../../support/shims.ts";
import { mendSnapshotter } from "../../support/snapshotter.ts";
import { functionOf, polling } from "../functions.ts";
import { gatewayDown } from "../journal.ts";
import { type Action, targets, type Undo, type World } from "./action.ts";

/** Longest time from SIGTERM to the end of agent or gateway, the gateway's drain included. */
const endsWithinMs = 60_000;
/** Longest time from the gateway's start until it answers, on a machine that does much else. */
const answersWithinMs = 60_000;

/** Longest time until nothing is left of a Runtime API's workers; agent and containerd may be away for a part of it. */
const replacedWithinMs = 40_000;

/** Agent, gateway, containerd and who serves the Runtime API: killed, told to end, stopped in their tracks. */
export const daemonActions: readonly Action[] = [
  restart("agent", "SIGTERM"),
  restart("agent", "SIGKILL"),
  pause("agent", ({ esb }) => esb.agent.pid),
  restart("gateway", "SIGTERM"),
  restart("gateway", "SIGKILL"),
  pause("gateway", ({ esb }) => esb.gateway.pid),
  restartRuntimeApi("SIGTERM"),
  restartRuntimeApi("SIGKILL"),
  pause("runtimeApi", ({ esb }) => esb.runtimeApi.pid),
  {
    name: "containerd SIGTERM",
    weight: 1,
    targets: ["containerd"],
    lastsMs: [0, 2000],
    async act(world) {
      await world.esb.containerd.stop();
      return () => startContainerd(world);
    },
  },
  {
    name: "containerd SIGKILL",
    weight: 1,
    targets: ["containerd"],
    lastsMs: [0, 2000],
    async act(world) {
      await world.esb.containerd.kill();
      return () => startContainerd(world);
    },
  },
  pause("containerd", ({ esb }) => esb.containerd.pid),
  {
    name: "everything SIGKILL",
    weight: 1,
    targets,
    lastsMs: [0, 500],
    async act(world) {
      const { esb } = world;
      const endSpan = world.journal.begin(gatewayDown);
      const daemons = [esb.agent, esb.gateway, esb.runtimeApi];
      await Promise.all([...daemons.map((daemon) => daemon.stop("SIGKILL")), esb.containerd.kill()]);
      for (const { id, pid, workers, loggers } of await shimsOf(esb)) {
        world.journal.harm(id);
        for (const one of [pid, ...workers, ...loggers]) kill(one);
      }
      return async () => {
        const others = [esb.agent.start(), esb.runtimeApi.start()];
        await Promise.all([startContainerd(world), ...others, startGateway(world).finally(endSpan)]);
      };
    },
  },
];

function restart(which: "agent" | "gateway", signal: "SIGTERM" | "SIGKILL"): Action {
  return {
    name: `${which} ${signal}`,
    weight: 1,
    targets: [which],
    lastsMs: [0, 1500],
    async act(world): Promise<Undo> {
      const process = world.esb[which];
      const endSpan = which === "gateway" ? world.journal.begin(gatewayDown) : () => undefined;
      await end(process, signal, which, world);
      return async () => {
        await (which === "gateway" ? startGateway(world) : process.start());
        endSpan();
      };
    },
  };
}

/** Its workers cannot outlive it: each may cost the request that it has, and all are replaced, frozen ones too. */
function restartRuntimeApi(signal: "SIGTERM" | "SIGKILL"): Action {
  return {
    name: `runtimeApi ${signal}`,
    weight: 1,
    targets: ["runtimeApi"],
    lastsMs: [0, 1500],
    async act(world): Promise<Undo> {
      const { esb, journal } = world;
      const workers = (await shimsOf(esb)).filter(({ id }) => polling.includes(functionOf(id)));
      for (const { id } of workers) journal.harm(id);
      await end(esb.runtimeApi, signal, "runtimeApi", world);
      return async () => {
        await esb.runtimeApi.start();
        const old = workers.flatMap((shim) => shim.workers);
        const replaced = async () => {
          const left = (await shimsOf(esb)).filter((shim) => shim.workers.some((pid) => old.includes(pid)));
          if (left.length > 0) throw new Error(left.map(({ id }) => id).join(", "));
        };
        await until(replaced, replacedWithinMs).catch((error: Error) =>
          journal.violate(`workers of a Runtime API that was ended are still there: ${error.message}`),
        );
      };
    },
  };
}

/** SIGSTOP, and SIGCONT a while later. */
function pause(
  which: "agent" | "gateway" | "runtimeApi" | "containerd",
  pidOf: (world: World) => number | undefined,
): Action {
  return {
    name: `${which} SIGSTOP`,
    weight: 1,
    targets: [which],
    lastsMs: [1000, 3000],
    async act(world) {
      const pid = pidOf(world);
      if (pid === undefined) return undefined;
      process.kill(pid, "SIGSTOP");
      return async () => {
        process.kill(pid, "SIGCONT");
      };
    },
  };
}

async function end(process: TestProcess, signal: NodeJS.Signals, name: string, { journal }: World): Promise<void> {
  const ended = process.stop(signal).then(() => true);
  const timely = await Promise.race([ended, delay(endsWithinMs, false, { ref: false })]);
  if (timely) return;
  journal.violate(`${name} did not end within ${endsWithinMs} ms of ${signal}`);
  await process.stop("SIGKILL");
}

async function startContainerd({ esb }: World): Promise<void> {
  await esb.containerd.start();
  await mendSnapshotter(esb);
}

/** Of one look whether the gateway answers: on a machine that is busy with other things, our own turn may come late. */
const answerWithinMs = 5000;

async function startGateway({ esb, journal }: World): Promise<void> {
  await esb.gateway.start();
  const answers = async () => {
    const response = await fetch(`${esb.url}/health`, { signal: AbortSignal.timeout(answerWithinMs) });
    if (!response.ok) throw new Error(`/health says ${response.status}`);
  };
  await untilWhileAlive(esb.gateway, answers, answersWithinMs).catch((error: unknown) =>
    journal.violate(`the gateway does not come back: ${String(error).slice(0, 2000)}`),
  );
}
