import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import PQueue from "p-queue";
import type { Attachment } from "../containerd/network.ts";
import { AgentError } from "../errors.ts";
import { readOptional } from "../files.ts";
import type { ManagedNetwork } from "./managed.ts";
import { readNameService, writeNameServiceFiles } from "./name-service.ts";
import { type PortRange, portsFrom } from "./ports.ts";

export interface HostNetworkConfig {
  readonly ports: PortRange;
  /** Folder for what must outlive a restart. */
  readonly stateDir: string;
  /** Folder for the files that workers have mounted. */
  readonly runDir: string;
  /** ESB_DNS; empty: the host's. */
  readonly nameServers: readonly string[];
}

export interface HostNetworkDeps {
  readonly isPortFree: (port: number) => Promise<boolean>;
  /** Whether only this process, or one that it started, listens on a port. */
  readonly isListener: (port: number, pid: number) => Promise<boolean>;
  /** Eight hexadecimal digits. */
  readonly randomHex: () => string;
}

/** The workers' and the gateway's. */
const host = "127.0.0.1";

/**
 * Workers on the host's own network, one port each: for where CNI is not possible. A port that is given out has a
 * file of its name, with the attachment's id in it, so that giving back twice never frees somebody else's.
 */
export function createHostNetwork(config: HostNetworkConfig, deps: HostNetworkDeps): ManagedNetwork {
  const { ports, stateDir, runDir } = config;
  const folder = join(stateDir, "ports");
  const files = { resolvConfPath: join(runDir, "resolv.conf"), hostsPath: join(runDir, "hosts") };
  // One at a time: between the look and the file, a port could go to two.
  const queue = new PQueue({ concurrency: 1 });
  /** Given out in this life and not given back. */
  const live = new Set<string>();
  let next = ports.first;

  /** Of one that cannot be read, for want of file descriptors say, nobody knows whose it is: it has no id. */
  async function allocations(): Promise<{ port: number; id: string | undefined }[]> {
    const names = (await readdir(folder).catch(() => [])).filter((name) => /^\d+$/.test(name));
    return Promise.all(
      names.map(async (name) => ({
        port: Number(name),
        id: await readOptional(join(folder, name)),
      })),
    );
  }

  /** A port, and for a worker that is driven over the Runtime API another, at which that is served to it alone. */
  async function allocate(signal: AbortSignal, wants: "runtime-api" | undefined): Promise<Attachment> {
    await mkdir(folder, { recursive: true });
    const taken = new Set((await allocations()).map((one) => one.port));
    const found: number[] = [];
    for (const port of portsFrom(ports, next)) {
      signal.throwIfAborted();
      if (taken.has(port) || !(await deps.isPortFree(port))) continue;
      found.push(port);
      if (found.length === (wants === undefined ? 1 : 2)) return reserve(found);
    }
    throw new AgentError(
      "NETWORK_EXHAUSTED",
      `every port of ESB_HOST_PORTS (${ports.first}-${ports.last}) is taken, by workers or by others`,
    );
  }

  async function reserve(found: readonly number[]): Promise<Attachment> {
    const [port = 0, ownPort] = found;
    const id = `port-${port}-${deps.randomHex()}`;
    for (const one of found) await writeFile(join(folder, String(one)), id, { flag: "wx" });
    next = Math.max(...found) + 1;
    live.add(id);
    const endpoint = { host, port };
    const api = ownPort === undefined ? undefined : { host, port: ownPort };
    const runtimeApi = api && { api, isShared: false, endpoint };
    return { id, namespacePath: undefined, endpoint, sourceAddress: host, runtimeApi, ...files };
  }

  async function release(isReleased: (id: string) => boolean): Promise<number> {
    const found = (await allocations()).filter((one) => one.id !== undefined && isReleased(one.id));
    await Promise.all(found.map((one) => rm(join(folder, String(one.port)), { force: true })));
    return found.length;
  }

  return {
    hostAddress: host,
    async setup() {
      // The host's loopback is the workers' as well here, and so are its name servers.
      await writeNameServiceFiles(files, await readNameService(config.nameServers, () => true), "127.0.0.1");
    },
    take: (signal, wants) => queue.add(() => allocate(signal, wants)),
    async release(id) {
      await queue.add(() => release((one) => one === id));
      live.delete(id);
    },
    isListener: ({ port }, pid) => deps.isListener(port, pid),
    // Nobody can take the host's own network from a worker.
    async *losses() {},
    sweep: (inUse) => queue.add(() => release((id) => !inUse.has(id) && !live.has(id))),
    isIntact: async () => true,
    close: () => queue.onIdle(),
    async teardown() {
      await queue.onIdle();
      await rm(stateDir, { recursive: true, force: true });
      await rm(runDir, { recursive: true, force: true });
    },
  };
}
