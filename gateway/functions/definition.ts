import type { Cors } from "../routing/definition.ts";

/** How workers are given their invocations; `auto`: as their image suggests. */
export type FunctionRuntime = "auto" | "api" | "emulator" | "http";

export type PullPolicy = "if-not-present" | "always" | "never";

/** A function as functions.yml describes it, defaults merged and variables filled in. */
export interface FunctionDefinition {
  readonly name: string;
  readonly image: string;
  /** In place of the image's entrypoint and command; empty: the image's own. */
  readonly command: readonly string[];
  /** Lambda's `_HANDLER`; may be empty. */
  readonly handler: string;
  readonly runtime: FunctionRuntime;
  readonly timeoutMs: number;
  readonly memoryMib: number;
  readonly tmpMib: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly pullPolicy: PullPolicy;
  readonly concurrency: Concurrency;
  readonly idle: IdleTimes;
  /** Undefined: it has none. */
  readonly url: FunctionUrl | undefined;
}

/** A function's own HTTP address (docs.aws.amazon.com/lambda/latest/api/API_FunctionUrlConfig.html). */
export interface FunctionUrl {
  /** `AWS_IAM`: whoever may call Lambda's API. */
  readonly auth: "NONE" | "AWS_IAM";
  /** `RESPONSE_STREAM`: the answer as it comes. */
  readonly invokeMode: "BUFFERED" | "RESPONSE_STREAM";
  readonly cors: Cors | undefined;
}

/** How many workers a function has. */
export interface Concurrency {
  /** Kept also when idle. */
  readonly min: number;
  readonly max: number;
  /** That many it gets, and keeps, however much others want. */
  readonly reserved: number;
}

/** When a worker that nobody uses is frozen and destroyed; undefined: as the gateway's settings say. */
export interface IdleTimes {
  /** 0: at once; -1: never. */
  readonly freezeAfterMs: number | undefined;
  readonly destroyAfterMs: number | undefined;
}

export type Functions = ReadonlyMap<string, FunctionDefinition>;

/** Whether a worker made from one can serve the other; from or for nothing, none can. How many there are is no matter. */
export function sameDefinition(a: FunctionDefinition | undefined, b: FunctionDefinition | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a === b || fingerprint(a) === fingerprint(b);
}

function fingerprint(definition: FunctionDefinition): string {
  const environment = Object.entries(definition.environment).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    definition.name,
    definition.image,
    definition.command,
    definition.handler,
    definition.runtime,
    definition.timeoutMs,
    definition.memoryMib,
    definition.tmpMib,
    environment,
    definition.pullPolicy,
  ]);
}
