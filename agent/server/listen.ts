import { once } from "node:events";
import { lstat, mkdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { dirname } from "node:path";
import { ConfigurationError } from "../../common/environment.ts";

const unixScheme = "unix://";

/**
 * Listens at an address of ours. The socket file that a process left behind when it was killed is removed; one that
 * somebody answers at, or a file that is no socket, is not.
 * @param address `host:port` or `unix:///path`; the path's folder is made
 * @param name of the setting, for errors
 * @throws ConfigurationError when the address is in use or cannot be listened at
 */
export async function listenAt(
  address: string,
  listen: (address: string) => Promise<unknown>,
  name = "ESB_AGENT_ADDRESS",
): Promise<void> {
  if (address.startsWith(unixScheme)) await makeRoom(`${name}=${address}`, address.slice(unixScheme.length));
  try {
    await listen(address);
  } catch (error) {
    throw new ConfigurationError(`${name}=${address}: cannot listen there: ${(error as Error).message}`);
  }
}

async function makeRoom(setting: string, path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new ConfigurationError(`${setting}: there is a file that is no socket`);
  if (await answers(path)) {
    throw new ConfigurationError(`${setting}: somebody listens there already, maybe another agent`);
  }
  await rm(path, { force: true });
}

async function answers(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
