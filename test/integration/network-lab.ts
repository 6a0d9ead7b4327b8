import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Attachment } from "../../agent/containerd/network.ts";
import type { ManagedNetwork } from "../../agent/network/managed.ts";
import { createNetwork, createNetworkDeps, type NetworkSettings } from "../../agent/network/network.ts";
import { freeIdentitySubnet, freeInvocationSubnet } from "../support/subnet.ts";

const execute = promisify(execFile);

/** Runs a program; its standard output. */
export async function run(file: string, ...args: string[]): Promise<string> {
  return (await execute(file, args)).stdout;
}

/** A network of a test's own on the real machine, removed with all that was made when the test ends. */
export interface NetworkLab extends AsyncDisposable {
  readonly name: string;
  readonly bridge: string;
  readonly subnet: string;
  readonly gateway: string;
  /** Range of the identity addresses. */
  readonly identities: string;
  readonly dir: string;
  readonly logs: { fields: object; message: string }[];
  /** Another life of the agent: a network that knows only what is on disk and on the machine. */
  open(settings?: Partial<NetworkSettings>): Promise<ManagedNetwork>;
  /** A worker's own address, which the plugin gave; its endpoint is its identity address. */
  addressOf(attachment: Attachment): Promise<string>;
  /** Lets the delays pass that anybody waits for. */
  elapse(): void;
  /** Starts a program in a worker's namespace (undefined: on the host) and waits for its first line. */
  start(attachment: Attachment | undefined, script: string): Promise<void>;
  /** Tries a TCP connection out of a namespace (undefined: from the host): `connected` or the error's code. */
  connect(attachment: Attachment | undefined, host: string, port: number, from?: string): Promise<string>;
  /** Everything on the machine and on disk that carries this network's name or subnet. */
  traces(): Promise<string[]>;
  /** Makes a namespace that is linked to the host; the host's address on the link and the namespace's. */
  link(namespace: string): Promise<[string, string]>;
  /** Something to undo before the lab itself is removed. */
  defer(undo: () => Promise<unknown>): void;
}

export async function openLab(prefixLength = 24): Promise<NetworkLab> {
  const name = `t${randomBytes(2).toString("hex")}`;
  const network = await freeNetwork();
  const identities = await freeIdentitySubnet();
  const subnet = `${network}.0/${prefixLength}`;
  const dir = await mkdtemp(join(tmpdir(), "esb-network-"));
  const logs: NetworkLab["logs"] = [];
  const waiting = new Set<() => void>();
  const children: ChildProcess[] = [];
  const undo: (() => Promise<unknown>)[] = [];
  const log = (fields: object, message: string) => logs.push({ fields, message });
  const settings: NetworkSettings = {
    ESB_NETWORK: "cni",
    LAMBDA_NETWORK: name,
    ESB_SUBNET: subnet,
    ESB_IDENTITY_SUBNET: identities,
    ESB_INVOCATION_SUBNET: await freeInvocationSubnet(),
    ESB_RUNTIME_API_PORT: 9001,
    ESB_CNI_CONF: new URL("../../cni/esb.conflist", import.meta.url).pathname,
    ESB_CNI_BIN_DIR: ["/opt/cni/bin", "/usr/lib/cni"],
    ESB_NETWORK_POOL: 0,
    ESB_HOST_PORTS: "20000-20999",
    ESB_DNS: [],
    ESB_WORKER_API_PORT: 0,
    ESB_WORKER_API_PORTS: undefined,
    ESB_S3_URL: undefined,
    ESB_DYNAMODB_URL: undefined,
    ESB_AGENT_ADDRESS: "unix:///nowhere",
    ESB_STATE_DIR: join(dir, "state"),
    ESB_RUN_DIR: join(dir, "run"),
  };
  const opened: ManagedNetwork[] = [];
  const lab: NetworkLab = {
    name,
    bridge: `${name}0`,
    subnet,
    gateway: `${network}.1`,
    identities,
    dir,
    logs,
    async open(changed) {
      const deps = createNetworkDeps({ debug: log, info: log, warn: log });
      const after = (_: number, action: () => void) => {
        waiting.add(action);
        return () => waiting.delete(action);
      };
      const made = await createNetwork({ ...settings, ...changed }, { ...deps, after });
      opened.push(made);
      return made;
    },
    async addressOf({ id }) {
      const text = await readFile(join(settings.ESB_STATE_DIR, "network", `${id}.json`), "utf8");
      return JSON.parse(text).address;
    },
    elapse() {
      const actions = [...waiting];
      waiting.clear();
      for (const action of actions) action();
    },
    async start(attachment, script) {
      const child = spawn(...inside(attachment, script), { stdio: ["ignore", "pipe", "inherit"] });
      children.push(child);
      await Promise.race([
        once(child.stdout, "data"),
        once(child, "exit").then(() => Promise.reject(new Error(`ended at once: ${script}`))),
      ]);
    },
    async connect(attachment, host, port, from) {
      const script = `
        const socket = require("node:net").connect(${JSON.stringify({ host, port, localAddress: from })});
        const say = (text) => { console.log(text); process.exit(); };
        socket.on("connect", () => say("connected"));
        socket.on("error", (error) => say(error.code));
        // What has come meanwhile is heard first: the process may have had no processor for as long.
        setTimeout(() => setImmediate(setImmediate, () => say("silence")), 700);`;
      return (await run(...flat(inside(attachment, script)))).trim();
    },
    async traces() {
      const [rules, links, routes, namespaces, files] = await Promise.all([
        run("iptables-save"),
        run("ip", "-brief", "link", "show"),
        run("ip", "route", "show", "table", "all"),
        run("ip", "netns", "list"),
        readdir(dir, { recursive: true }),
      ]);
      const ports = await run("ip", "-brief", "link", "show", "master", `${name}0`).catch(() => "");
      // Whether a link is up follows from the rest, and a moment later.
      const names = `${links}\n${ports}`.split("\n").map((line) => line.split(" ")[0] ?? "");
      const lines = [rules, routes, namespaces].flatMap((text) => text.split("\n"));
      const ours = lines
        .filter((line) => [name, `${network}.`, identities.replace("0.0/16", "")].some((part) => line.includes(part)))
        .map((line) => line.replace(/ linkdown|\s+$/g, ""));
      const made = files.filter((path) => /network\/./.test(path) && !/\/(ipam|next-identity)/.test(path));
      return [
        ...ours,
        ...names.filter((link) => link !== "" && (link.includes(name) || ports.includes(link))),
        ...made,
      ].sort();
    },
    async link(namespace) {
      const other = await freeNetwork();
      const [host, peer] = [`h${name}`, `g${name}`];
      undo.push(() => run("ip", "netns", "delete", namespace));
      await run("ip", "netns", "add", namespace);
      await run("ip", "link", "add", host, "type", "veth", "peer", "name", peer, "netns", namespace);
      await run("ip", "address", "add", `${other}.1/24`, "dev", host);
      await run("ip", "link", "set", host, "up");
      await run("ip", "-n", namespace, "address", "add", `${other}.2/24`, "dev", peer);
      await run("ip", "-n", namespace, "link", "set", peer, "up");
      return [`${other}.1`, `${other}.2`];
    },
    defer: (action) => undo.push(action),
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      for (const action of undo.toReversed()) await action();
      await Promise.all(opened.map((one) => one.close()));
      await (await lab.open()).teardown();
      await rm(dir, { recursive: true, force: true });
    },
  };
  await mkdir(settings.ESB_STATE_DIR);
  return lab;
}

/** Script of an HTTP server that answers with `words`. */
export function server(host: string, port: number, words = "here"): string {
  return `require("node:http").createServer((_, answer) => answer.end("${words}"))
    .listen(${port}, "${host}", () => console.log("ready"));`;
}

function inside(attachment: Attachment | undefined, script: string): [string, string[]] {
  const node = [process.execPath, "-e", script] as const;
  if (attachment === undefined) return [node[0], node.slice(1)];
  return ["ip", ["netns", "exec", attachment.id, ...node]];
}

function flat([file, args]: [string, string[]]): [string, ...string[]] {
  return [file, ...args];
}

/** Three bytes of a /24 that no route or address of the machine touches. */
async function freeNetwork(): Promise<string> {
  const used = `${await run("ip", "route", "show", "table", "all")}${await run("ip", "address")}`;
  for (let tries = 0; tries < 50; tries++) {
    const candidate = `10.213.${randomInt(256)}`;
    if (!used.includes(`${candidate}.`)) return candidate;
  }
  throw new Error("no /24 of 10.213.0.0/16 is free");
}
