import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { OciProcess } from "../oci/types.ts";
import type { ContainerdClient } from "./client.ts";

/** Where external extensions are (docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html). */
const extensionsFolder = "/opt/extensions";
const processType = "types.containerd.io/opencontainers/runtime-spec/1/Process";
const execPrefix = "esb-extension-";

/** Whether a process of a container is one of its extensions, by its id in containerd. */
export function isExtension(execId: string): boolean {
  return execId.startsWith(execPrefix);
}

/**
 * Names of a container's external extensions: what can be executed directly in their folder. Found by a process of the
 * container, which has been made and not started; none where the folder cannot be seen.
 */
export async function findExtensions(pid: number): Promise<string[]> {
  const folder = join(`/proc/${pid}/root`, extensionsFolder);
  const names = await readdir(folder).catch(() => []);
  const found = names.map(async (name) => {
    const stats = await stat(join(folder, name)).catch(() => undefined);
    return stats?.isFile() === true && (stats.mode & 0o111) !== 0 ? [name] : [];
  });
  return (await Promise.all(found)).flat().sort();
}

/** Starts a container's extensions, as its own process would be, before that. What they print is not kept. */
export async function startExtensions(
  { tasks }: Pick<ContainerdClient, "tasks">,
  containerId: string,
  names: readonly string[],
  process: OciProcess,
): Promise<void> {
  for (const [index, name] of names.entries()) {
    const own = { ...process, args: [join(extensionsFolder, name)] };
    const execId = `${execPrefix}${index}`;
    const spec = { typeUrl: processType, value: Buffer.from(JSON.stringify(own)) };
    await tasks.exec({ containerId, execId, spec });
    await tasks.start({ containerId, execId });
  }
}
