import { ServerError, Status } from "nice-grpc-common";
import {
  type AdmitRequest,
  type RuntimeApiServiceImplementation,
  ShutdownReason,
  WorkerActivity,
} from "../../proto/gen/esb/runtime/v1/runtime.ts";
import type { Activity } from "./model/state.ts";
import type { WorkerSession } from "./session.ts";
import type { Feed } from "./telemetry/feed.ts";
import { AdmissionError, type Workers } from "./workers.ts";

const activities = {
  init: WorkerActivity.INIT,
  idle: WorkerActivity.IDLE,
  busy: WorkerActivity.BUSY,
  ended: WorkerActivity.ENDED,
} as const satisfies Record<Activity, WorkerActivity>;

const admissionStatus = {
  taken: Status.ALREADY_EXISTS,
  "cannot-listen": Status.FAILED_PRECONDITION,
} as const satisfies Record<AdmissionError["why"], Status>;

/** The agent's calls. @param now milliseconds since 1970 */
export function runtimeApiService(
  workers: Workers,
  feed: Pick<Feed, "serve">,
  now: () => number,
): RuntimeApiServiceImplementation {
  const known = async (instanceId: string): Promise<WorkerSession> => {
    const session = await workers.session(instanceId);
    if (session === undefined) throw new ServerError(Status.NOT_FOUND, `${instanceId} is not admitted`);
    return session;
  };
  return {
    async admit(message) {
      const admission = parseAdmission(message);
      try {
        await workers.admit(admission);
      } catch (error) {
        if (error instanceof AdmissionError) throw new ServerError(admissionStatus[error.why], error.message);
        throw error;
      }
      return {};
    },
    async waitReady({ instanceId }, { signal }) {
      const session = await known(instanceId);
      const { failure, initMs } = await until(session.waitReady(), signal);
      return { failure, initMs };
    },
    async getState({ instanceId }) {
      return { activity: activities[(await known(instanceId)).activity] };
    },
    async shutdown({ instanceId, reason, graceMs }) {
      const session = await known(instanceId);
      return { extensions: session.shutdown(reasons[reason] ?? "SPINDOWN", now() + graceMs) };
    },
    async exited({ instanceId, exitStatus }) {
      (await workers.session(instanceId))?.exited(exitStatus);
      return {};
    },
    async extensionExited({ instanceId, exitStatus }) {
      (await workers.session(instanceId))?.extensionExited(exitStatus);
      return {};
    },
    async forget({ instanceId }) {
      await workers.forget(instanceId);
      return {};
    },
    feed: (news, { signal }) => feed.serve(news, signal),
    async list() {
      const all = await workers.list();
      return {
        workers: all.map(({ admission, session }) => ({ admission, activity: activities[session.activity] })),
      };
    },
  };
}

const reasons: Partial<Record<ShutdownReason, string>> = {
  [ShutdownReason.TIMEOUT]: "TIMEOUT",
  [ShutdownReason.FAILURE]: "FAILURE",
};

function parseAdmission({ worker }: AdmitRequest) {
  const invalid = (name: string) => new ServerError(Status.INVALID_ARGUMENT, `worker.${name} is missing or not right`);
  if (worker === undefined) throw invalid("instance_id");
  if (worker.instanceId === "") throw invalid("instance_id");
  if (worker.runtimeAddress === "" || !isPort(worker.runtimePort)) throw invalid("runtime_address");
  if (worker.invocationAddress === "" || !isPort(worker.invocationPort)) throw invalid("invocation_address");
  if (worker.functionName === "") throw invalid("function_name");
  if (worker.timeoutMs === 0) throw invalid("timeout_ms");
  return worker;
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

/** @throws ServerError once the caller has gone */
async function until<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const gone = Promise.withResolvers<never>();
  const onAbort = () => gone.reject(new ServerError(Status.CANCELLED, "the call was cancelled"));
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, gone.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
