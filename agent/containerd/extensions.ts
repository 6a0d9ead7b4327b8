import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { OciProcess } from "../oci/types.ts";
import type { ContainerdClient } from "./client.ts";

/** Where external extensions are (docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html). */
const extensionsFolder = "/opt/extensions";
const processType = "types.containerd.io/opencontainers/runtime-spec/1/Process";
const execPrefix = "esb-extension-";

/** Whose extension a process of a container is, by its id in containerd; undefined: it is none. */
export function instanceOfExtension(execId: string): string | undefined {
  if (!execId.startsWith(execPrefix)) return undefined;
  return execId.slice(execPrefix.length, execId.lastIndexOf("-"));
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
  { id: containerId, instanceId }: { readonly id: string; readonly instanceId: string },
  names: readonly string[],
  process: OciProcess,
): Promise<void> {
  for (const [index, name] of names.entries()) {
    const own = { ...process, args: [join(extensionsFolder, name)] };
    const execId = `${execPrefix}${instanceId}-${index}`;
    const spec = { typeUrl: processType, value: Buffer.from(JSON.stringify(own)) };
    await tasks.exec({ containerId, execId, spec });
    await tasks.start({ containerId, execId });
  }
}
