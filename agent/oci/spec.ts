import { AgentError } from "../errors.ts";
import type { Driver, FunctionSpec, LambdaAccess, WorkerIdentity } from "../workers/runtime.ts";
import type { ServiceAccess } from "./aws-variables.ts";
import { cgroupsPath } from "./cgroup-paths.ts";
import { buildEnvironment, taskRoot } from "./environment.ts";
import type { HostLimits } from "./host.ts";
import { buildMounts, type TmpSource } from "./mounts.ts";
import { buildResources, buildRlimits } from "./resources.ts";
import { buildSeccomp } from "./seccomp.ts";
import type { ImageConfig, OciNamespace, OciSpec, OciUser } from "./types.ts";

export interface SpecInput {
  readonly identity: WorkerIdentity;
  readonly function: FunctionSpec;
  readonly image: { readonly config: ImageConfig };
  readonly driver: Driver;
  /** With what the worker calls Lambda's API; absent: it cannot. */
  readonly access?: LambdaAccess | undefined;
  /** Services like AWS's that it is told of; absent: none. */
  readonly services?: ServiceAccess | undefined;
  /** The image's user, resolved to numbers; undefined when the image names none. */
  readonly user: OciUser | undefined;
  readonly network: {
    /** undefined: the host's network. */
    readonly namespacePath: string | undefined;
    /** Where the worker has to listen. */
    readonly port: number;
    /** `host:port` of the Runtime API; undefined: the worker is not driven over it. */
    readonly runtimeApi: string | undefined;
    readonly resolvConfPath: string;
    readonly hostsPath: string;
  };
  readonly tmp: TmpSource;
  /** containerd's namespace. */
  readonly namespace: string;
  readonly region: string;
  readonly limits: HostLimits;
  /** Workers of one group share a shim. */
  readonly shimGroup?: string | undefined;
}

/** The user and group that Lambda runs functions as (sbx_user1051). */
const unprivilegedUser: OciUser = { uid: 993, gid: 990, additionalGids: [] };

/** When the host itself runs out of memory, workers go before everything that keeps them running. */
const workersOomScoreAdj = 500;

/** HOST_NAME_MAX of Linux, less one for runtimes that count the end of the string. */
const mostHostnameCharacters = 63;

const maskedPaths = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];

const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/**
 * The OCI runtime spec of a worker (W4): what the image says, within the limits of the function, in a sandbox that
 * neither can widen.
 * @throws AgentError IMAGE_INVALID when neither the function nor the image names a command
 */
export function buildSpec(input: SpecInput): OciSpec {
  const { identity, function: spec, image, network, limits } = input;
  const user = input.user === undefined || input.user.uid === 0 ? unprivilegedUser : input.user;
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user,
      args: commandOf(spec, image.config, input.driver),
      env: buildEnvironment({
        identity,
        function: spec,
        imageEnvironment: image.config.Env ?? [],
        region: input.region,
        port: network.port,
        runtimeApi: network.runtimeApi,
        handler: handlerOf(spec, image.config, input.driver),
        access: input.access,
        services: input.services,
      }),
      cwd: workingDirectoryOf(image.config, input.driver),
      capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] },
      rlimits: buildRlimits(limits),
      noNewPrivileges: true,
      oomScoreAdj: Math.max(workersOomScoreAdj, limits.oomScoreAdj),
    },
    root: { path: "rootfs", readonly: true },
    hostname: identity.id.slice(0, mostHostnameCharacters),
    mounts: buildMounts({ tmp: input.tmp, tmpBytes: spec.tmpBytes, user, ...network }),
    annotations: input.shimGroup === undefined ? {} : { "io.containerd.runc.v2.group": input.shimGroup },
    linux: {
      cgroupsPath: cgroupsPath(input.namespace, identity.id),
      namespaces: namespacesOf(network.namespacePath, limits.cgroupVersion),
      resources: buildResources(spec, limits),
      seccomp: buildSeccomp(limits.architecture),
      maskedPaths,
      readonlyPaths,
    },
  };
}

/** A Lambda runtime is told its handler by the image's command, in whose place the function's comes (ImageConfig). */
function commandOf(spec: FunctionSpec, { Entrypoint, Cmd }: ImageConfig, driver: Driver): string[] {
  const entrypoint = Entrypoint ?? [];
  const isHandled = driver !== "http" && spec.handler !== "" && entrypoint.length > 0;
  const ofImage = [...entrypoint, ...(isHandled ? [spec.handler] : (Cmd ?? []))];
  const command = spec.command.length > 0 ? spec.command : ofImage;
  if (command.length === 0) {
    throw new AgentError(
      "IMAGE_INVALID",
      `${spec.image} has neither an entrypoint nor a command, nor has ${spec.name}`,
    );
  }
  return [...command];
}

/** The function's, else the image's command where its runtime takes it for one; empty: none is known. */
function handlerOf(spec: FunctionSpec, { Entrypoint, Cmd }: ImageConfig, driver: Driver): string {
  const isRuntimes = driver === "runtime-api" && spec.command.length === 0 && (Entrypoint ?? []).length > 0;
  return spec.handler === "" && isRuntimes && Cmd?.length === 1 ? (Cmd[0] ?? "") : spec.handler;
}

function workingDirectoryOf({ WorkingDir }: ImageConfig, driver: Driver): string {
  if (WorkingDir === undefined || WorkingDir === "") return driver === "runtime-api" ? taskRoot : "/";
  return WorkingDir.startsWith("/") ? WorkingDir : `/${WorkingDir}`;
}

/** With cgroup v1 containers see the cgroup namespace of the host, as containerd's own do: runtimes mount v1 without. */
function namespacesOf(networkPath: string | undefined, cgroupVersion: 1 | 2): OciNamespace[] {
  return [
    { type: "pid" },
    { type: "ipc" },
    { type: "uts" },
    { type: "mount" },
    ...(networkPath === undefined ? [] : [{ type: "network", path: networkPath } as const]),
    ...(cgroupVersion === 2 ? [{ type: "cgroup" } as const] : []),
  ];
}
