import type { AgentServiceImplementation } from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentError } from "../errors.ts";
import type { OwnerPresence } from "../workers/owners.ts";
import type { WorkerReference, WorkerService } from "../workers/service.ts";
import { followLogsOf, type LogFollower } from "./follow-logs.ts";
import { type LogReader, logsOf } from "./logs.ts";
import { caughtUp, isOf, startKinds, toMessage, toPhases, toWatchResponse } from "./messages.ts";
import { naming, parseEnsureRequest, parseGraceMs, parseOwner, parseReference, parseWorkerId } from "./validate.ts";

/** @throws AgentError that says why the agent can't work now */
export type Readiness = () => void;

export interface AgentServiceParts {
  readonly workers: WorkerService;
  readonly ready: Readiness;
  readonly presence: Pick<OwnerPresence, "enter">;
  readonly logs: LogReader;
  readonly logFollower: LogFollower;
  /** Where workers reach their gateway. */
  readonly workerApi: {
    readonly hostAddress: string;
    /** Undefined: workers cannot reach this port. */
    endpoint(port: number): string | undefined;
  };
  /** Aborts once the agent can't work any more. Nobody may then believe that a frozen worker can be thawed (S5). */
  readonly outage: () => AbortSignal;
}

/** The contract's worker calls, each turned into a call of the domain and back. */
export function agentService(parts: AgentServiceParts): AgentServiceImplementation {
  const { workers, ready, presence } = parts;
  const { hostAddress } = parts.workerApi;
  // Also a call that is refused is a sign of life: its owner can't help that the runtime is away.
  const ownerOf = ({ id }: WorkerReference) => workers.table.get(id)?.identity.owner;
  return {
    async ensure(message, { signal }) {
      const { lambdaApiPort, ...request } = parseEnsureRequest(message);
      using _present = presence.enter(request.owner);
      ready();
      const lambdaEndpoint = parts.workerApi.endpoint(lambdaApiPort);
      const wanted = { ...request, function: { ...request.function, lambdaEndpoint } };
      const result = await naming("function.image", workers.ensure(wanted, signal));
      return { worker: toMessage(result.worker), startKind: startKinds[result.startKind], phases: toPhases(result) };
    },
    async destroy(message, { signal }) {
      const reference = parseReference(message);
      const graceMs = parseGraceMs(message);
      ready();
      return { existed: await workers.destroy(reference, graceMs, signal) };
    },
    async pause(message, { signal }) {
      const reference = parseReference(message);
      using _present = presence.enter(ownerOf(reference));
      ready();
      return { worker: toMessage(await workers.pause(reference, signal)) };
    },
    async resume(message, { signal }) {
      const reference = parseReference(message);
      using _present = presence.enter(ownerOf(reference));
      ready();
      return { worker: toMessage(await workers.resume(reference, signal)) };
    },
    async list(message) {
      const owner = parseOwner(message);
      using _present = presence.enter(owner);
      ready();
      const { position } = workers.table;
      const mine = workers.table.all().filter((worker) => isOf(owner, worker));
      return { workers: mine.map(toMessage), position };
    },
    async *watch(message, { signal }) {
      const owner = parseOwner(message);
      using _present = presence.enter(owner);
      ready();
      const outage = parts.outage();
      const present = workers.table.position;
      let behind = message.position !== present;
      if (!behind) yield caughtUp(present, hostAddress);
      for await (const change of workers.table.watch(message.position, AbortSignal.any([signal, outage]))) {
        const response = toWatchResponse(change, owner);
        if (response !== undefined) yield response;
        if (!behind || (change.type === "change" && change.position !== present)) continue;
        behind = false;
        yield caughtUp(change.position, hostAddress);
      }
      if (signal.aborted || !outage.aborted) return;
      ready();
      throw new AgentError("RUNTIME_UNAVAILABLE", "the runtime was away for a moment");
    },
    logs: (message, { signal }) => logsOf(parts, message, signal),
    followLogs: (message, { signal }) => followLogsOf(parts, message, signal),
    async stats(message, { signal }) {
      const id = parseWorkerId(message);
      ready();
      return workers.stats(id, signal);
    },
  };
}
