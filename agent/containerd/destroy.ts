import { constants } from "node:os";
import { delay } from "../../common/delay.ts";
import { Status as TaskStatus } from "../../proto/gen/containerd/types/task/task.ts";
import { foreignContainer } from "../workers/foreign.ts";
import { type ContainerdClient, isFailedPrecondition, isNotFound, isShimGone } from "./client.ts";
import { deleteExtensions } from "./extensions.ts";
import { absentAsUndefined } from "./inspect.ts";
import { fromLabels, isOurs } from "./labels.ts";
import type { WorkerNetwork } from "./network.ts";

/** What is needed of the workers' logs (W9). */
export interface WorkerLogs {
  /**
   * Where stdout and stderr of a worker's process go: a URI, as a task's creation takes it.
   * @param extension number of the extension whose process it is, from 1 on; absent: the function's own
   */
  driverUri(worker: { readonly id: string; readonly instanceId: string }, extension?: number): string;
  /** Removes all logs of a worker that is gone. */
  remove(id: string): Promise<void>;
}

export interface DestroyParts {
  readonly client: ContainerdClient;
  readonly network: WorkerNetwork;
  readonly logs: WorkerLogs;
  /** Attachments by worker, of all that were seen: a container that somebody else removed cannot name its own. */
  readonly attached: Map<string, string>;
}

/** After SIGKILL only the kernel can hold a process back, and then not for ever. */
const killTimeoutMs = 20_000;
/** containerd takes a moment to notice that a shim has died; a loaded machine some more. */
const shimGoneTries = 100;
const shimGonePauseMs = 50;

/**
 * W8: ends a worker in whatever state it is and removes task, snapshot, network, log and container, each only after
 * what uses it, and the container's record last of all, since it names the rest: what fails can be tried again.
 * @returns whether there was anything
 * @throws AgentError WORKER_CONFLICT, with nothing done, when the container was not made by us
 */
export async function destroyWorker(
  parts: DestroyParts,
  id: string,
  graceMs: number,
  whose: "ours" | "anybody's" = "ours",
): Promise<boolean> {
  const { client, network, attached } = parts;
  const container = (await absentAsUndefined(client.containers.get({ id })))?.container;
  if (whose === "ours" && container !== undefined && !isOurs(container.labels)) throw foreignContainer(id);
  const ended = await endTask(client, id, graceMs);
  const { identity, belongings } = fromLabels(id, container?.labels ?? {}) ?? {};
  const attachmentId = belongings?.attachmentId ?? attached.get(id);
  const removeFiles = async () => {
    if (identity !== undefined && belongings?.driver === "runtime-api") await deleteExtensions(client, identity);
    // Also without a task to be seen: a containerd that crashed while it made one has a shim that knows of none.
    await deleteTask(client, id);
    // Only now has the logging driver ended: it has written what was printed last.
    await parts.logs.remove(id);
    if (container === undefined || container.snapshotKey === "") return;
    const { snapshotter, snapshotKey: key } = container;
    await absentAsUndefined(client.snapshots.remove({ snapshotter, key }));
  };
  // The worker's processes are gone: its network can be taken apart beside all the rest.
  await allEnded([removeFiles(), attachmentId === undefined ? undefined : network.release(attachmentId)]);
  attached.delete(id);
  await absentAsUndefined(client.containers.delete({ id }));
  return container !== undefined || ended;
}

async function deleteTask(client: ContainerdClient, id: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await absentAsUndefined(client.tasks.delete({ containerId: id }));
      return;
    } catch (error) {
      if (!isShimGone(error) || tries === shimGoneTries) throw error;
      await delay(shimGonePauseMs);
    }
  }
}

/**
 * As Promise.all, but waits for all of them also when one fails: what still runs when we say that we are done would
 * meet whoever has the worker's id next.
 */
async function allEnded<const T extends readonly unknown[]>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return (await Promise.all(work)) as { -readonly [K in keyof T]: Awaited<T[K]> };
}

/**
 * Thaws the task if need be, asks it to end, and makes it end.
 * @returns whether there was a task
 */
async function endTask(client: ContainerdClient, id: string, graceMs: number): Promise<boolean> {
  const task = await absentAsUndefined(client.tasks.get({ containerId: id }));
  if (task?.process === undefined) return false;
  const { status } = task.process;
  if (status === TaskStatus.STOPPED) return true;

  const over = new AbortController();
  const exited = unlessGone(client.tasks.wait({ containerId: id }, { signal: over.signal })).then(() => true as const);
  exited.catch(() => undefined);
  try {
    if (status === TaskStatus.PAUSED || status === TaskStatus.PAUSING) await thaw(client, id);
    if (graceMs > 0 && status !== TaskStatus.CREATED) {
      await signal(client, id, constants.signals.SIGTERM);
      if (await within(graceMs, exited)) return true;
    }
    await signal(client, id, constants.signals.SIGKILL);
    if (!(await within(killTimeoutMs, exited))) throw new Error(`task ${id} is still there after SIGKILL`);
    return true;
  } finally {
    over.abort();
  }
}

/** Thawed or ended in between, by somebody else: both are as good. */
function thaw(client: ContainerdClient, id: string): Promise<void> {
  return unlessGone(client.tasks.resume({ containerId: id }));
}

function signal(client: ContainerdClient, id: string, number: number): Promise<void> {
  return unlessGone(client.tasks.kill({ containerId: id, signal: number, all: number === constants.signals.SIGKILL }));
}

/** Waits for a call about a task; what containerd says of one that has ended, by itself or with its shim, is no error. */
async function unlessGone(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isNotFound(error) && !isFailedPrecondition(error) && !isShimGone(error)) throw error;
  }
}

/** Ends all of a task's processes at once. */
export function killTask(client: ContainerdClient, id: string): Promise<void> {
  return signal(client, id, constants.signals.SIGKILL);
}

async function within(milliseconds: number, done: Promise<true>): Promise<boolean> {
  const timeout = Promise.withResolvers<false>();
  const timer = setTimeout(() => timeout.resolve(false), milliseconds);
  try {
    return await Promise.race([done, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
