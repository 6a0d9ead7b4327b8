import { isIP } from "node:net";
import { z } from "zod";

/**
 * Every setting of esb: one table for both processes, for the scripts and for docs/configuration.md, which is
 * generated from it. A setting is an environment variable; each schema parses the variable's text.
 */

/** Decimal digits only: `Number` would also take `0x50`, `1e3` and a space, which is 0. */
const number = z
  .string()
  .regex(/^-?\d+(\.\d+)?$/, "must be a number")
  .transform(Number);
const whole = (least: number, most: number) =>
  number.pipe(
    z.number().refine((value) => Number.isInteger(value) && value >= least && value <= most, {
      message: `must be a whole number from ${least} to ${most}`,
    }),
  );
const highestPort = 65_535;
const port = whole(1, highestPort);
const milliseconds = (least = 0) => whole(least, 2 ** 31 - 1);
const isPort = (text: string | undefined) => Number(text) >= 1 && Number(text) <= highestPort;
const absolutePath = z.string().regex(/^\//, "must be an absolute path");
const list = z.string().transform((text) =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== ""),
);
const addresses = list.refine(
  (items) => items.every((item) => isIP(item) !== 0),
  "must be IP addresses, separated by commas",
);
/** `host:port` or `unix:///path`, as the agent listens and the gateway dials. */
const grpcAddress = z
  .string()
  .refine(
    (text) => /^unix:\/\/\/.+$/.test(text) || isPort(/^[^/\s]+:(\d{1,5})$/.exec(text)?.[1]),
    "must be host:port or unix:///path",
  );
const isPortRange = (text: string) => {
  const [, first, last] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  return isPort(first) && isPort(last) && Number(first) <= Number(last);
};
const identifier = z
  .string()
  .regex(/^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/, "must be letters and digits joined by single . _ or -");

export type Process = "agent" | "gateway" | "scripts";

interface Setting {
  readonly schema: z.ZodType;
  /** Text of the default, as it would stand in the environment; absent: the setting is optional. */
  readonly default?: string;
  readonly usedBy: readonly Process[];
  readonly description: string;
}

function setting<T extends z.ZodType, const R extends Omit<Setting, "schema">>(schema: T, rest: R): { schema: T } & R {
  return { schema, ...rest };
}

export const settings = {
  ESB_GATEWAY_HOST: setting(z.string().min(1), {
    default: "127.0.0.1",
    usedBy: ["gateway", "scripts"],
    description: "Address the gateway listens on.",
  }),
  ESB_GATEWAY_PORT: setting(port, {
    default: "8080",
    usedBy: ["gateway", "scripts"],
    description: "Port the gateway listens on.",
  }),
  ESB_OWNER: setting(identifier.max(64), {
    default: "gateway",
    usedBy: ["gateway"],
    description: "The gateway's name towards the agent; its workers carry it.",
  }),
  ESB_FUNCTIONS: setting(z.string().min(1), {
    default: "deploy/functions.yml",
    usedBy: ["gateway", "scripts"],
    description:
      "The functions file; a relative path is relative to the working directory. Read again when it changes.",
  }),
  ESB_FREEZE_AFTER_MS: setting(milliseconds(-1), {
    default: "1000",
    usedBy: ["gateway", "scripts"],
    description: "Idle time after which a worker is frozen; 0 freezes at once, -1 never.",
  }),
  IDLE_TIMEOUT_MINUTES: setting(
    number.pipe(z.number().refine((value) => value > 0 && value <= 527_040, "must be more than 0 and at most 527040")),
    {
      default: "5",
      usedBy: ["gateway"],
      description: "Idle time after which a worker is destroyed.",
    },
  ),
  ESB_QUEUE_LIMIT: setting(whole(0, 100_000), {
    default: "1000",
    usedBy: ["gateway"],
    description: "Requests that may wait for a function's worker; one more is answered 429.",
  }),
  ESB_QUEUE_TIMEOUT_MS: setting(milliseconds(1), {
    default: "30000",
    usedBy: ["gateway"],
    description:
      "How long a request may wait for a function's worker, the cold start included, before it is answered 429.",
  }),
  ESB_QUEUE_MIB: setting(whole(1, 1_048_576), {
    default: "256",
    usedBy: ["gateway"],
    description: "MiB that the events of all waiting requests may take together; beyond it a request is answered 429.",
  }),
  ESB_STARTS_AT_ONCE: setting(whole(1, 1000), {
    default: "4",
    usedBy: ["gateway"],
    description: "Workers that may be started at the same time; one function never takes all of these places.",
  }),
  ESB_DRAIN_TIMEOUT_MS: setting(milliseconds(0), {
    default: "8000",
    usedBy: ["gateway"],
    description:
      "How long the gateway waits for running and queued requests when it is told to end; those that are left are answered 503.",
  }),
  ESB_AGENT_ADDRESS: setting(grpcAddress, {
    default: "127.0.0.1:50051",
    usedBy: ["agent", "gateway", "scripts"],
    description: "Where the agent's gRPC service listens: `host:port` or `unix:///path`.",
  }),
  ESB_AGENT_REFLECTION: setting(z.enum(["on", "off"]), {
    default: "off",
    usedBy: ["agent"],
    description: "gRPC server reflection, for tools such as grpcurl.",
  }),
  ESB_NAMESPACE: setting(identifier.max(76), {
    default: "esb",
    usedBy: ["agent", "scripts"],
    description: "containerd namespace of workers and images.",
  }),
  ESB_CONTAINERD_ADDRESS: setting(absolutePath, {
    default: "/run/containerd/containerd.sock",
    usedBy: ["agent", "scripts"],
    description: "containerd's socket.",
  }),
  ESB_STATE_DIR: setting(absolutePath, {
    default: "/var/lib/esb",
    usedBy: ["agent", "scripts"],
    description: "State that outlives a reboot.",
  }),
  ESB_RUN_DIR: setting(absolutePath, {
    default: "/run/esb",
    usedBy: ["agent", "scripts"],
    description: "State that a reboot may clear: sockets, pid files, worker files.",
  }),
  ESB_SNAPSHOTTER: setting(identifier, {
    default: "overlayfs",
    usedBy: ["agent"],
    description: "containerd snapshotter for root file systems.",
  }),
  ESB_RUNTIME: setting(z.string().min(1), {
    default: "io.containerd.runc.v2",
    usedBy: ["agent"],
    description: "containerd runtime of the workers.",
  }),
  ESB_RUNTIME_OPTIONS: setting(
    z.string().transform((text, context) => {
      try {
        return z.record(z.string(), z.union([z.string(), z.boolean(), z.number()])).parse(JSON.parse(text));
      } catch {
        context.addIssue({ code: "custom", message: "must be a JSON object of strings, numbers and booleans" });
        return z.NEVER;
      }
    }),
    {
      default: "{}",
      usedBy: ["agent"],
      description:
        'Options of the runtime as a JSON object. For runc-compatible runtimes the fields of containerd.runc.v1.Options (`{"binary_name":"crun"}`); for others `config_path` and `type_url`.',
    },
  ),
  ESB_SHIM_SHARING: setting(z.enum(["none", "function"]), {
    default: "none",
    usedBy: ["agent"],
    description:
      "`function`: the workers of one function share a containerd shim, which saves memory; they then share its failure.",
  }),
  RUNTIME_TYPE: setting(z.enum(["containerd"]), {
    default: "containerd",
    usedBy: ["agent"],
    description: "Backend that runs the workers.",
  }),
  ESB_READY_TIMEOUT_MS: setting(milliseconds(1), {
    default: "30000",
    usedBy: ["agent"],
    description: "How long a new worker may take until it listens on its port.",
  }),
  ESB_DESTROY_GRACE_MS: setting(milliseconds(0), {
    default: "2000",
    usedBy: ["agent"],
    description: "Time between SIGTERM and SIGKILL when a worker is destroyed.",
  }),
  ESB_MEMORY_PERCENT: setting(whole(1, 10_000), {
    default: "100",
    usedBy: ["agent"],
    description:
      "Share of the host's memory, in percent, that the memory limits of all workers may add up to; more than 100 overbooks it.",
  }),
  ESB_OWNER_TIMEOUT_MINUTES: setting(
    number.pipe(z.number().refine((value) => value > 0 && value <= 527_040, "must be more than 0 and at most 527040")),
    {
      default: "10",
      usedBy: ["agent"],
      description: "How long a gateway may be away before its workers are removed.",
    },
  ),
  ESB_SWEEP_INTERVAL_SECONDS: setting(whole(1, 86_400), {
    default: "60",
    usedBy: ["agent"],
    description: "How often the agent looks for what belongs to nobody and removes it.",
  }),
  ESB_WORKER_LOG_KIB: setting(whole(16, 1_048_576), {
    default: "5120",
    usedBy: ["agent"],
    description: "Size in KiB at which a worker's log file is put aside and a new one begun.",
  }),
  ESB_WORKER_LOG_FILES: setting(whole(1, 100), {
    default: "2",
    usedBy: ["agent"],
    description: "Log files that are kept of each worker, the current one included.",
  }),
  ESB_NETWORK: setting(z.enum(["cni", "host"]), {
    default: "cni",
    usedBy: ["agent", "scripts"],
    description:
      "`cni`: each worker has its own network namespace; `host`: workers share the host's network, one port each.",
  }),
  LAMBDA_NETWORK: setting(
    z.string().regex(/^[a-z][a-z0-9-]{0,9}$/, "must be at most 10 of a-z, 0-9 and -, a letter first"),
    {
      default: "esb",
      usedBy: ["agent", "scripts"],
      description: "Name of the CNI network; its bridge is this name with a 0 behind it.",
    },
  ),
  ESB_SUBNET: setting(z.cidrv4("must be an IPv4 subnet such as 10.63.0.0/16"), {
    default: "10.63.0.0/16",
    usedBy: ["agent", "scripts"],
    description: "The workers' subnet.",
  }),
  ESB_IDENTITY_SUBNET: setting(z.cidrv4("must be an IPv4 subnet such as 240.0.0.0/8"), {
    default: "240.0.0.0/8",
    usedBy: ["agent", "scripts"],
    description:
      "Range of the addresses that invocations go to: each worker ever made has one of its own, beside its address in ESB_SUBNET. Only this host sees them.",
  }),
  ESB_CNI_CONF: setting(z.string().min(1), {
    default: "cni/esb.conflist",
    usedBy: ["agent"],
    description: "CNI configuration list; name, bridge, subnet and data folder are filled in from the other settings.",
  }),
  ESB_CNI_BIN_DIR: setting(list, {
    default: "/opt/cni/bin,/usr/lib/cni",
    usedBy: ["agent", "scripts"],
    description: "Folders with CNI plugins, separated by commas; the first that has a plugin wins.",
  }),
  ESB_NETWORK_POOL: setting(whole(0, 64), {
    default: "4",
    usedBy: ["agent"],
    description: "Network namespaces that are attached ahead of need.",
  }),
  ESB_HOST_PORTS: setting(z.string().refine(isPortRange, "must be two ports, such as 20000-20999"), {
    default: "20000-20999",
    usedBy: ["agent"],
    description: "Ports for workers when ESB_NETWORK is host.",
  }),
  ESB_DNS: setting(addresses, {
    default: "",
    usedBy: ["agent"],
    description: "Name servers of the workers, separated by commas; empty: those of the host that a worker can reach.",
  }),
  ESB_INSECURE_REGISTRIES: setting(list, {
    default: "",
    usedBy: ["agent"],
    description: "Registries (`host` or `host:port`) that may be spoken to over plain HTTP, separated by commas.",
  }),
  ESB_REGISTRY_CA: setting(absolutePath, {
    usedBy: ["agent"],
    description: "PEM file with further certificate authorities of registries.",
  }),
  ESB_REGISTRY_AUTH: setting(absolutePath, {
    usedBy: ["agent"],
    description: "Credentials of registries, in the format of docker's config.json (`auths`).",
  }),
  ESB_REGION: setting(z.string().regex(/^[a-z0-9-]+$/, "must be a region name such as us-east-1"), {
    default: "us-east-1",
    usedBy: ["agent", "gateway"],
    description: "AWS region that functions are told and that ARNs carry.",
  }),
  LOG_LEVEL: setting(z.enum(["trace", "debug", "info", "warn", "error", "fatal"]), {
    default: "info",
    usedBy: ["agent", "gateway", "scripts"],
    description: "Least level that is logged.",
  }),
} as const;

export type Settings = typeof settings;
export type SettingName = keyof Settings;
type HasDefault<S> = S extends { default: string } ? true : false;
/** What a setting's text is parsed into; settings without a default may be undefined. */
export type SettingValue<N extends SettingName> =
  HasDefault<Settings[N]> extends true ? z.output<Settings[N]["schema"]> : z.output<Settings[N]["schema"]> | undefined;
export type SettingValues<N extends SettingName> = { readonly [K in N]: SettingValue<K> };
