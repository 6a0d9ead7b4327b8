import type { AgentServiceImplementation } from "../../proto/gen/esb/agent/v1/agent.ts";
import type { WorkerService } from "../workers/service.ts";
import { startKinds, toMessage, toPhases, toWatchResponse } from "./messages.ts";
import { parseEnsureRequest, parseGraceMs, parseReference, parseWorkerId } from "./validate.ts";

/** @throws AgentError that says why the agent can't work now */
export type Readiness = () => void;

/** The contract's worker calls, each turned into a call of the domain and back. */
export function agentService(workers: WorkerService, ready: Readiness): AgentServiceImplementation {
  return {
    async ensure(message, { signal }) {
      const request = parseEnsureRequest(message);
      ready();
      const result = await workers.ensure(request, signal);
      return { worker: toMessage(result.worker), startKind: startKinds[result.startKind], phases: toPhases(result) };
    },
    async destroy(message) {
      const reference = parseReference(message);
      const graceMs = parseGraceMs(message);
      ready();
      return { existed: await workers.destroy(reference, graceMs) };
    },
    async pause(message, { signal }) {
      const reference = parseReference(message);
      ready();
      return { worker: toMessage(await workers.pause(reference, signal)) };
    },
    async resume(message, { signal }) {
      const reference = parseReference(message);
      ready();
      return { worker: toMessage(await workers.resume(reference, signal)) };
    },
    async list({ owner }) {
      ready();
      const { position } = workers.table;
      const mine = workers.table.all().filter((worker) => owner === "" || worker.identity.owner === owner);
      return { workers: mine.map(toMessage), position };
    },
    async *watch({ owner, position }, { signal }) {
      ready();
      for await (const message of workers.table.watch(position, signal)) {
        const response = toWatchResponse(message, owner);
        if (response !== undefined) yield response;
      }
    },
    async stats(message, { signal }) {
      const id = parseWorkerId(message);
      ready();
      return workers.stats(id, signal);
    },
  };
}
