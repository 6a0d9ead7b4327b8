import { ClientError } from "nice-grpc";
import { delay } from "../../common/delay.ts";
import type { Any } from "../../proto/gen/google/protobuf/any.ts";
import { AgentError, undone } from "../errors.ts";
import { logDriverProblem } from "../logs/driver.ts";
import { driverOf } from "../oci/driver.ts";
import type { SpecInput } from "../oci/spec.ts";
import { buildSpec } from "../oci/spec.ts";
import type { OciSpec } from "../oci/types.ts";
import type { Endpoint, MeasurePhase, PullPolicy, RuntimeWorker, StartRequest } from "../workers/runtime.ts";
import { isBreakdown } from "./breakdown.ts";
import { isAlreadyExists } from "./client.ts";
import { type DestroyParts, destroyWorker } from "./destroy.ts";
import { findExtensions, startExtensions } from "./extensions.ts";
import { ownershipLabels, toLabels } from "./labels.ts";
import { removeStaleBundle } from "./stale-bundle.ts";

/** What is needed of the image store (W3). */
export interface WorkerImages<Image extends WorkerImage = WorkerImage> {
  /** Finds, pulls and unpacks as the policy says. @throws AgentError of the IMAGE_ kinds */
  resolve(reference: string, policy: PullPolicy, signal: AbortSignal): Promise<Image>;
  /** The image's user in numbers; undefined when it names none. @throws AgentError IMAGE_INVALID */
  resolveUser(image: Image, signal: AbortSignal): Promise<SpecInput["user"]>;
}

export interface WorkerImage {
  readonly name: string;
  readonly config: SpecInput["image"]["config"];
  /** Key of the snapshot with the image's topmost layer. */
  readonly chainId: string;
}

export interface StartParts extends DestroyParts {
  readonly images: WorkerImages;
  readonly snapshotter: string;
  readonly runtime: { readonly name: string; readonly options: Any | undefined };
  readonly shimSharing: "none" | "function";
  readonly spec: Pick<SpecInput, "region" | "limits" | "services">;
}

const specType = "types.containerd.io/opencontainers/runtime-spec/1/Spec";

const longestTaskPauseMs = 500;
/** containerd gives its own cleaning up five seconds. */
const cleanUpMs = 8000;

/**
 * Makes and starts a worker. The container's record comes before its snapshot: it is what keeps the snapshot from
 * containerd's garbage collection, and it tells at once when somebody else has the id.
 */
export async function startWorker(
  parts: StartParts,
  request: StartRequest,
  measure: MeasurePhase,
  signal: AbortSignal,
): Promise<RuntimeWorker & { readonly endpoint: Endpoint }> {
  const { client, images, network } = parts;
  const { identity, function: spec, access } = request;
  const { id } = identity;

  const { image, user } = await measure("image", async () => {
    const image = await images.resolve(spec.image, spec.pullPolicy, signal);
    return { image, user: await images.resolveUser(image, signal) };
  });
  const driver = driverOf(spec, image.config);
  const wants = driver === "runtime-api" ? driver : undefined;
  const attachment = await measure("network", () => network.take(signal, wants));
  const { id: attachmentId, sourceAddress } = attachment;
  const runtimeApi = wants && attachment.runtimeApi;
  const { endpoint } = runtimeApi ?? attachment;
  let oci: OciSpec;
  try {
    await request.onPlaced?.({ driver, endpoint, sourceAddress, runtimeApi });
    oci = buildSpec({
      identity,
      function: spec,
      access,
      image,
      user,
      driver,
      network: { ...attachment, port: endpoint.port, runtimeApi: runtimeApi && addressOf(runtimeApi.api) },
      tmp: { kind: "tmpfs" },
      namespace: client.namespace,
      shimGroup: shimGroup(parts, spec.name),
      ...parts.spec,
    });
    await measure("create", () =>
      client.containers.create({
        container: {
          id,
          labels: toLabels(identity, { endpoint, attachmentId, sourceAddress, driver }),
          image: image.name,
          runtime: parts.runtime,
          spec: { typeUrl: specType, value: Buffer.from(JSON.stringify(oci)) },
          snapshotter: parts.snapshotter,
          snapshotKey: id,
        },
      }),
    );
  } catch (error) {
    const failure = isAlreadyExists(error)
      ? new AgentError("CONTAINER_EXISTS", `there is a container ${id} already`, { cause: error })
      : client.translate(error, `creating the container ${id}`);
    throw await undone(failure, () => network.release(attachmentId));
  }

  parts.attached.set(id, attachmentId);
  try {
    const rootfs = await measure("snapshot", () => prepareSnapshot(parts, id, image.chainId));
    signal.throwIfAborted();
    // The calls below are not aborted half-way: containerd would leave it open whether there is a task to clean up.
    const stdout = parts.logs.driverUri(identity);
    const task = { containerId: id, rootfs, stdout, stderr: stdout };
    const made = await measure("create", () => createTask(client, task, signal));
    signal.throwIfAborted();
    const extensions = driver === "runtime-api" ? await findExtensions(made.pid) : [];
    await request.onCreated?.(extensions);
    await measure("start", () => startExtensions(parts, identity, extensions, oci.process));
    signal.throwIfAborted();
    const { pid } = await measure("start", () => client.tasks.start({ containerId: id }));
    signal.throwIfAborted();
    return { id, ours: true, identity, state: "running", endpoint, attachmentId, sourceAddress, driver, pid };
  } catch (error) {
    throw await undone(startError(parts, id, error), () => destroyWorker(parts, id, 0));
  }
}

/** The name under which a function's workers share a shim; undefined: each has its own. */
export function shimGroup({ client, shimSharing }: StartParts, functionName: string): string | undefined {
  return shimSharing === "function" ? `${client.namespace}-${functionName}` : undefined;
}

function addressOf({ host, port }: Endpoint): string {
  return `${host}:${port}`;
}

async function prepareSnapshot({ client, snapshotter }: StartParts, key: string, parent: string) {
  const prepare = async () =>
    (await client.snapshots.prepare({ snapshotter, key, parent, labels: ownershipLabels })).mounts;
  try {
    return await prepare().catch(async (error: unknown) => {
      if (!isAlreadyExists(error)) throw error;
      // The container's record is ours and new, so a snapshot of its name is left over from a worker that is gone.
      await client.snapshots.remove({ snapshotter, key });
      return prepare();
    });
  } catch (error) {
    // Never the function's fault, so nothing that its author should read.
    throw client.translate(error, `preparing the snapshot of ${key}`);
  }
}

/**
 * The container's record is ours, so nobody else's task can be in the way for longer than it takes containerd to clean
 * up: some hundred milliseconds behind a shim that was killed, five seconds behind a creation whose client was.
 */
async function createTask(
  client: StartParts["client"],
  request: Parameters<StartParts["client"]["tasks"]["create"]>[0],
  signal: AbortSignal,
): Promise<{ readonly pid: number }> {
  let deadline = performance.now() + cleanUpMs;
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, longestTaskPauseMs)) {
    try {
      return await client.tasks.create(request);
    } catch (error) {
      if (!isInTheWay(error)) throw error;
      if (performance.now() + pauseMs > deadline) {
        if (!(await removeStaleBundle((error as ClientError).details, request.containerId ?? ""))) throw error;
        deadline = performance.now() + cleanUpMs;
      }
    }
    await delay(pauseMs, signal);
    signal.throwIfAborted();
  }
}

/**
 * A task that containerd still lists; or, since containerd 1.7, the folder of one whose creation is being cleaned up, and
 * then what runc still has of it in a shim that containerd has forgotten: the refused try removes that.
 */
function isInTheWay(error: unknown): boolean {
  const words = error instanceof ClientError ? error.details : "";
  return isAlreadyExists(error) || /\bmkdir \S+: file exists|container with given ID already exists/.test(words);
}

/** The runtime's refusals say what is wrong with the command or the image, so they are passed on in its own words. */
function startError({ client }: StartParts, id: string, error: unknown): unknown {
  const told = client.translate(error, `starting ${id}`);
  // That containerd does not answer, or not in time, is not the function's fault.
  if (!(error instanceof ClientError) || told instanceof AgentError) return told;
  const problem = logDriverProblem(error.details);
  if (problem !== undefined) return new AgentError("RUNTIME_UNAVAILABLE", problem, { cause: error });
  const words = error.details.replace(/^failed to (create|start) (shim )?task: /, "").replace(/: unknown$/, "");
  if (isBreakdown(words)) {
    return new AgentError(
      "RUNTIME_UNAVAILABLE",
      `the runtime broke down while it started ${id}, as on a machine without memory, processes or disk space: ${words}`,
      {
        cause: error,
      },
    );
  }
  return new AgentError("WORKER_START_FAILED", `worker ${id} could not be started: ${words}`, { cause: error });
}
