import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import PQueue from "p-queue";
import type { Attachment } from "../containerd/network.ts";
import { AgentError } from "../errors.ts";
import { createAttachments } from "./attachments.ts";
import { enableForwarding, ensureBridge, guardNetworks, refuseNewSubnet, removeBridge } from "./bridge.ts";
import { createCni } from "./cni.ts";
import { isNotInstalled, type RunCommand } from "./commands.ts";
import { loadConflist } from "./conflist.ts";
import { createFirewall } from "./firewall.ts";
import { checkHostState, formerNetworks, readHostState } from "./host-state.ts";
import { createIdentityAddresses } from "./identity-addresses.ts";
import { createIp } from "./ip.ts";
import { createLosses } from "./losses.ts";
import type { After, ManagedNetwork, NetworkLogger } from "./managed.ts";
import { uplinkMtu } from "./mtu.ts";
import { addressesOfHost, reachableFromBridge, readNameService, writeNameServiceFiles } from "./name-service.ts";
import { createNamespaces, namespacesFolder } from "./namespaces.ts";
import { checkPlugins } from "./plugin-files.ts";
import { createPool } from "./pool.ts";
import { createRecords } from "./records.ts";
import { isReserved } from "./reservations.ts";
import { counterpart, type IdentityRange, type Subnet } from "./subnet.ts";
import { sweepAttachments } from "./sweep.ts";

export interface CniNetworkConfig {
  /** LAMBDA_NETWORK. */
  readonly network: string;
  readonly subnet: Subnet;
  readonly identities: IdentityRange;
  /** Addresses that workers are invoked at which are driven over the Runtime API. */
  readonly invocations: IdentityRange;
  /** Where that listens on the bridge. */
  readonly runtimeApiPort: number;
  /** Folder for what must outlive a reboot; its parent may not exist. */
  readonly stateDir: string;
  /** Folder for the files that workers have mounted. */
  readonly runDir: string;
  readonly conflistPath: string;
  readonly pluginDirs: readonly string[];
  /** How many attachments are made ahead of need. */
  readonly poolSize: number;
  /** TCP ports of the host's own address on the bridge that workers may reach. */
  readonly openPorts: readonly number[];
  /** ESB_DNS; empty: the host's. */
  readonly nameServers: readonly string[];
}

export interface NetworkDeps {
  readonly logger: NetworkLogger;
  readonly run: RunCommand;
  readonly after: After;
  /** Eight hexadecimal digits. */
  readonly randomHex: () => string;
}

/** Beyond this the kernel's own lock is what is waited for. */
const makesAtOnce = 4;
/** Far more than a function's work needs, and little beside the kernel's table of 65,536 and more. */
const connectionsPerWorker = 4096;
/** Longer than a cold start takes. */
const refillDelayMs = 100;

/**
 * Workers on a bridge of their own, attached by CNI plugins (W5). Touches nothing before `setup`.
 * @throws ConfigurationError for a configuration list that cannot be used
 */
export async function createCniNetwork(config: CniNetworkConfig, deps: NetworkDeps): Promise<ManagedNetwork> {
  const { network, subnet, stateDir, runDir, pluginDirs } = config;
  const { logger, run } = deps;
  const bridge = `${network}0`;
  const ipamDir = join(stateDir, "ipam");
  const list = await loadConflist(config.conflistPath, {
    LAMBDA_NETWORK: network,
    ESB_BRIDGE: bridge,
    ESB_SUBNET: subnet.cidr,
    ESB_GATEWAY: subnet.gateway,
    ESB_IPAM_DIR: ipamDir,
    ESB_MTU: await uplinkMtu(),
  });
  const reservationsDir = join(ipamDir, list.name);
  const ip = createIp(run);
  const firewall = createFirewall(run, logger);
  const namespaces = createNamespaces(ip);
  const records = createRecords(stateDir);
  const files = { resolvConfPath: join(runDir, "resolv.conf"), hostsPath: join(runDir, "hosts") };
  const cni = createCni(run, pluginDirs);
  const { randomHex } = deps;
  const recorded = async () => Promise.all((await records.list()).map((id) => records.load(id)));
  const identities = createIdentityAddresses({
    range: config.identities,
    path: join(stateDir, "next-identity"),
    inUse: async () => new Set((await recorded()).flatMap((record) => record?.identity ?? [])),
    randomHex,
  });
  const attachments = createAttachments({
    network,
    bridge,
    list,
    files,
    run,
    ip,
    cni,
    namespaces,
    records,
    isReserved: (reservation) => isReserved(reservationsDir, reservation),
    identities,
    // One port for both: these addresses are the host's own, where a gateway may listen at 8080 of all addresses.
    runtimeApiOf: (identity) => ({
      api: { host: subnet.gateway, port: config.runtimeApiPort },
      isShared: true,
      endpoint: { host: counterpart(identity, config.identities, config.invocations), port: config.runtimeApiPort },
    }),
    logger,
    randomHex,
  });
  const losses = createLosses({ folder: namespacesFolder, findLoss: attachments.findLoss, logger });
  const invocations = config.invocations.cidr;
  const guarded = { network, subnet, identities: config.identities.cidr, invocations };
  const queue = new PQueue({ concurrency: makesAtOnce });
  const pool = createPool<Attachment>({
    size: config.poolSize,
    refillDelayMs,
    make: (signal) => make(signal, 0),
    after: deps.after,
    onFailure: (error, retryInMs) => logger.warn({ err: error, retryInMs }, "could not attach a network ahead of need"),
  });
  /** The bridge as set up; undefined before. */
  let bridgeIndex: string | undefined;
  let settingUp: Promise<void> | undefined;
  const closing = new AbortController();

  async function setUp(signal: AbortSignal): Promise<void> {
    await checkPlugins(list, pluginDirs);
    const nameService = await readNameService(config.nameServers, reachableFromBridge);
    if (!nameService.nameServers.some(reachableFromBridge)) {
      logger.warn(
        { nameServers: nameService.nameServers },
        "workers will have no name service: the host names no server that they can reach; set ESB_DNS",
      );
    }
    // First: what is attached meanwhile has a route that is not read, and is not to be taken for damaged.
    const attached = await records.list();
    const state = await readHostState(ip, bridge, signal);
    const own = checkHostState(state, network, bridge, subnet, guarded);
    const former = formerNetworks(own, subnet);
    await refuseNewSubnet(ip, bridge, subnet, former);
    await guardNetworks(ip, guarded, state, former, signal);
    const hostNameServers = addressesOfHost(nameService.nameServers, subnet.gateway);
    const { cidr, gateway: host } = subnet;
    const openPorts = [...new Set([...config.openPorts, config.runtimeApiPort])];
    const plan = { network, bridge, subnet: cidr, hostNameServers, host, openPorts, invocations, connectionsPerWorker };
    const repaired = (await firewall.install(plan, signal)) && bridgeIndex !== undefined;
    if (repaired) logger.warn({ network }, "firewall rules were changed by somebody else; they are as they should be");
    await ensureBridge(ip, network, bridge, subnet, own, signal);
    await enableForwarding();
    // All workers have the same file; the address of all addresses is each one's own.
    await writeNameServiceFiles(files, nameService, "0.0.0.0");
    bridgeIndex = await readBridgeIndex(bridge);
    const routed = state.routes.filter((route) => route.dev === bridge).map((route) => route.dst);
    await attachments.repair(attached, new Set(routed));
    await losses.check(await records.list());
  }

  /** One at a time: whoever finds the bridge gone asks for it. */
  function setup(signal: AbortSignal): Promise<void> {
    settingUp ??= setUp(signal).finally(() => {
      settingUp = undefined;
    });
    return settingUp;
  }

  /** Without our bridge the plugin would make one of its own, with none of our protection. */
  async function ensureSetUp(): Promise<void> {
    if (bridgeIndex === undefined) throw new AgentError("NETWORK_FAILED", "the workers' network is not set up");
    if ((await readBridgeIndex(bridge)) === bridgeIndex) return;
    logger.warn({ bridge }, "the workers' bridge was removed or replaced; setting the network up again");
    // Not by the caller's signal: others may wait for the same.
    await setup(closing.signal);
  }

  async function make(signal: AbortSignal, priority: number): Promise<Attachment> {
    return queue.add(
      async () => {
        await ensureSetUp();
        const made = await attachments.make(signal);
        if (!signal.aborted) return made;
        await attachments.release(made.id);
        throw signal.reason;
      },
      { priority, signal },
    );
  }

  async function takeReady(): Promise<Attachment | undefined> {
    for (let ready = pool.take(); ready !== undefined; ready = pool.take()) {
      if (await attachments.isIntact(ready)) return ready;
      await releaseQuietly(ready.id);
    }
    return undefined;
  }

  async function take(signal: AbortSignal): Promise<Attachment> {
    signal.throwIfAborted();
    const ready = await takeReady();
    if (ready !== undefined) return ready;
    try {
      return await make(signal, 1);
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== "NETWORK_EXHAUSTED") throw error;
      // The last address may just be going to the pool; what is made ahead of need must not keep it from a need.
      await pool.settled();
      const late = await takeReady();
      if (late === undefined) throw error;
      return late;
    }
  }

  async function releaseQuietly(id: string): Promise<void> {
    await attachments.release(id).catch((error: unknown) => {
      logger.warn({ err: error, attachment: id }, "could not release an attachment; the next sweep will");
    });
  }

  async function sweep(kept: () => ReadonlySet<string>): Promise<number> {
    const parts = { network, bridge, reservationsDir, attachments, namespaces, records, ip, logger };
    return sweepAttachments(parts, kept);
  }

  async function close(): Promise<void> {
    closing.abort();
    const unused = await pool.close();
    await Promise.all(unused.map((attachment) => releaseQuietly(attachment.id)));
    await attachments.settled();
  }

  return {
    hostAddress: subnet.gateway,
    setup,
    take,
    release: (id) => attachments.release(id),
    // At its identity address there is nobody but the worker.
    isListener: async () => true,
    losses: (signal) => losses.follow(signal),
    isIntact: async (id) => (await attachments.isIntact({ id })) && (await attachments.findLoss(id)) === undefined,
    async sweep(inUse) {
      const released = await sweep(() => new Set([...inUse, ...attachments.live]));
      if (released > 0) logger.info({ released }, "released network attachments that nobody used");
      pool.refill();
      return released;
    },
    close,
    async teardown() {
      await close();
      bridgeIndex = undefined;
      // A failure of one does not keep the others; the rules stay for as long as there is a bridge to guard.
      const outcomes = [
        await settle(sweep(() => new Set())),
        await settle(removeBridge(ip, bridge, guarded)),
        await settle(firewall.remove(network)),
        await settle(rm(stateDir, { recursive: true, force: true })),
        await settle(rm(runDir, { recursive: true, force: true })),
      ];
      // Without ip or iptables on the machine, there is nothing that they could have made.
      const failure = outcomes.find((outcome) => outcome.status === "rejected" && !isNotInstalled(outcome.reason));
      if (failure?.status === "rejected") throw failure.reason;
    },
  };
}

async function settle(work: Promise<unknown>): Promise<PromiseSettledResult<unknown>> {
  const [outcome] = await Promise.allSettled([work]);
  return outcome;
}

/** Changes when a bridge is made anew under the same name. */
async function readBridgeIndex(bridge: string): Promise<string> {
  return readFile(`/sys/class/net/${bridge}/ifindex`, "utf8").catch(() => "");
}
