import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { delay } from "../../common/delay.ts";
import type { OciProcess } from "../oci/types.ts";
import { type ContainerdClient, isFailedPrecondition, isNotFound, isShimGone } from "./client.ts";
import type { WorkerLogs } from "./destroy.ts";
import { pathInRoot } from "./path-in-root.ts";

/** Where external extensions are (docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html). */
const extensionsFolder = "/opt/extensions";
const processType = "types.containerd.io/opencontainers/runtime-spec/1/Process";
const execPrefix = "esb-extension-";
/** One more than AWS allows, whose registration is refused; each costs the host a logging driver. */
const mostStarted = 11;
const endTries = 100;
const endPauseMs = 20;

/** Whose extension a process of a container is, by its id in containerd; undefined: it is none. */
export function instanceOfExtension(execId: string): string | undefined {
  if (!execId.startsWith(execPrefix)) return undefined;
  return execId.slice(execPrefix.length, execId.lastIndexOf("-"));
}

/**
 * Names of a container's external extensions: what can be executed directly in their folder, by name, as many as are to be
 * started. Found by a process of the container, which has been made and not started; none where the folder cannot be seen.
 * @param proc where the kernel shows processes
 */
export async function findExtensions(pid: number, proc = "/proc"): Promise<string[]> {
  const root = join(proc, `${pid}/root`);
  const folder = await pathInRoot(root, extensionsFolder);
  if (folder === undefined) return [];
  const names = await readdir(join(root, folder)).catch(() => []);
  const found = names.map(async (name) => {
    const path = await pathInRoot(root, join(folder, name));
    const stats = path === undefined ? undefined : await lstat(join(root, path)).catch(() => undefined);
    return stats?.isFile() === true && (stats.mode & 0o111) !== 0 ? [name] : [];
  });
  return (await Promise.all(found)).flat().sort().slice(0, mostStarted);
}

/** Starts a container's extensions, as its own process would be, before that. What they print goes to its log, too. */
export async function startExtensions(
  { client, logs }: { readonly client: Pick<ContainerdClient, "tasks">; readonly logs: Pick<WorkerLogs, "driverUri"> },
  owner: { readonly id: string; readonly instanceId: string },
  names: readonly string[],
  process: OciProcess,
): Promise<void> {
  const { id: containerId, instanceId } = owner;
  for (const [index, name] of names.entries()) {
    const own = { ...process, args: [join(extensionsFolder, name)] };
    const execId = execIdOf(instanceId, index);
    const spec = { typeUrl: processType, value: Buffer.from(JSON.stringify(own)) };
    const stdout = logs.driverUri(owner, index + 1);
    await client.tasks.exec({ containerId, execId, spec, stdout, stderr: stdout });
    await client.tasks.start({ containerId, execId });
  }
}

/**
 * Removes what a shim keeps of the extensions of a worker that has ended: only then do their logging drivers end, having
 * written what was printed last.
 */
export async function deleteExtensions(
  { tasks }: Pick<ContainerdClient, "tasks">,
  { id: containerId, instanceId }: { readonly id: string; readonly instanceId: string },
): Promise<void> {
  let [index, tries] = [0, 1];
  for (;;) {
    try {
      await tasks.deleteProcess({ containerId, execId: execIdOf(instanceId, index) });
      index += 1;
    } catch (error) {
      // There are no more of them, or none of it all: drivers end with their shim.
      if (isNotFound(error) || isShimGone(error)) return;
      if (!isFailedPrecondition(error) || tries === endTries) throw error;
      // The kernel ends all processes at once, the shim hears of them one by one.
      tries += 1;
      await delay(endPauseMs);
    }
  }
}

function execIdOf(instanceId: string, index: number): string {
  return `${execPrefix}${instanceId}-${index}`;
}
