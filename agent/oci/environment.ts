import type { FunctionSpec, LambdaAccess, WorkerIdentity } from "../workers/runtime.ts";
import { awsVariables, type ServiceAccess } from "./aws-variables.ts";

const mebibyte = 1024 ** 2;

export interface EnvironmentInput {
  readonly identity: WorkerIdentity;
  readonly function: FunctionSpec;
  /** `NAME=value` entries of the image's config. */
  readonly imageEnvironment: readonly string[];
  readonly region: string;
  /** Port that the worker has to listen on. */
  readonly port: number;
  /** `host:port` of the Runtime API; undefined: the worker is not driven over it. */
  readonly runtimeApi?: string | undefined;
  /** `_HANDLER`; empty: none. */
  readonly handler: string;
  /** With what the worker calls Lambda's API; absent: it cannot. */
  readonly access?: LambdaAccess | undefined;
  /** Services like AWS's; absent: none. */
  readonly services?: ServiceAccess | undefined;
}

export const taskRoot = "/var/task";

/** What Lambda sets when neither the image nor the function does. */
const defaults: Readonly<Record<string, string>> = {
  PATH: "/usr/local/bin:/usr/bin:/bin:/opt/bin",
  LANG: "en_US.UTF-8",
  TZ: ":UTC",
  HOME: "/tmp",
};

/**
 * A worker's environment, as `NAME=value`: defaults, over them the image's, over them the function's, over them what
 * Lambda reserves for itself; with what lets it call Lambda's API and services, unless it brings that itself.
 *
 * AWS_LAMBDA_RUNTIME_API stays away on purpose where the Runtime API is not served: images that carry Lambda's emulator
 * start it when it is absent. PORT is set to where the gateway will look for the worker, so that plain HTTP servers which
 * honour it need no configuration; with the host's network it differs from worker to worker.
 *
 * Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
export function buildEnvironment(input: EnvironmentInput): string[] {
  const variables = new Map(Object.entries(defaults));
  for (const entry of input.imageEnvironment) {
    const [name, value] = split(entry);
    variables.set(name, value);
  }
  for (const [name, value] of Object.entries(input.function.environment)) variables.set(name, value);
  for (const [name, value] of Object.entries(reserved(input))) variables.set(name, value);
  const aws = awsVariables((name) => variables.has(name), input.access, input.services ?? { endpoints: {} });
  for (const [name, value] of Object.entries(aws)) variables.set(name, value);
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

function reserved({
  identity,
  function: spec,
  region,
  port,
  runtimeApi,
  handler,
}: EnvironmentInput): Record<string, string> {
  return {
    AWS_LAMBDA_FUNCTION_NAME: spec.name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(Math.floor(spec.memoryBytes / mebibyte)),
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${spec.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: logStreamName(identity),
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    LAMBDA_TASK_ROOT: taskRoot,
    LAMBDA_RUNTIME_DIR: "/var/runtime",
    ...(runtimeApi === undefined ? serverVariables(spec, port) : { AWS_LAMBDA_RUNTIME_API: runtimeApi }),
    ...(handler === "" ? {} : { _HANDLER: handler }),
  };
}

/** Not variables of Lambda's, but of its emulator, which reads whole seconds, and of HTTP servers. */
function serverVariables(spec: FunctionSpec, port: number): Record<string, string> {
  return { AWS_LAMBDA_FUNCTION_TIMEOUT: String(Math.max(1, Math.ceil(spec.timeoutMs / 1000))), PORT: String(port) };
}

/** `2026/01/31/[$LATEST]0123…`, with the day (UTC) on which the worker was made and its instance. */
export function logStreamName(identity: Pick<WorkerIdentity, "createdAtMs" | "instanceId">): string {
  const day = new Date(identity.createdAtMs).toISOString().slice(0, 10).replaceAll("-", "/");
  return `${day}/[$LATEST]${identity.instanceId.replaceAll("-", "")}`;
}

function split(entry: string): [name: string, value: string] {
  const at = entry.indexOf("=");
  return at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
}
