import type { Problem } from "../files/yaml.ts";
import { corsProblem, mergeCors } from "../routing/cors.ts";
import type { Concurrency, FunctionDefinition, Functions } from "./definition.ts";
import type { FunctionsFile } from "./schema.ts";

const builtIn = {
  timeout: 3,
  memory: 128,
  tmp: 512,
  pullPolicy: "if-not-present",
  concurrency: { min: 0, max: 10, reserved: 0 },
} as const;

type Shared = NonNullable<FunctionsFile["defaults"]>;

/** Puts the defaults behind what each function says, key by key; the problems are those that only show together. */
export function merge(file: FunctionsFile): { readonly functions: Functions; readonly problems: readonly Problem[] } {
  const defaults = file.defaults ?? {};
  const functions = new Map<string, FunctionDefinition>();
  const problems: Problem[] = [];
  for (const [name, given] of Object.entries(file.functions ?? {})) {
    const concurrency = { ...builtIn.concurrency, ...defaults.concurrency, ...given.concurrency };
    const url = functionUrl(given.url);
    const wrongCors = corsProblem(url?.cors);
    if (wrongCors !== undefined) problems.push({ path: ["functions", name, "url", "cors"], message: wrongCors });
    problems.push(...conflicts(concurrency, name, given.concurrency ?? {}, defaults.concurrency ?? {}));
    functions.set(
      name,
      Object.freeze({
        name,
        image: given.image,
        command: Object.freeze(given.command ?? []),
        handler: given.handler ?? "",
        runtime: given.runtime ?? "auto",
        timeoutMs: (given.timeout ?? defaults.timeout ?? builtIn.timeout) * 1000,
        memoryMib: given.memory ?? defaults.memory ?? builtIn.memory,
        tmpMib: given.tmp ?? defaults.tmp ?? builtIn.tmp,
        environment: Object.freeze({ ...defaults.environment, ...given.environment }),
        pullPolicy: given.pullPolicy ?? defaults.pullPolicy ?? builtIn.pullPolicy,
        concurrency: Object.freeze(concurrency),
        idle: idleTimes({ ...defaults.idle, ...given.idle }),
        url,
      }),
    );
  }
  return { functions, problems };
}

function functionUrl(given: NonNullable<FunctionsFile["functions"]>[string]["url"]): FunctionDefinition["url"] {
  if (given === undefined) return undefined;
  const { auth, invokeMode = "BUFFERED", cors } = given;
  return Object.freeze({ auth, invokeMode, cors: mergeCors(cors, undefined) });
}

function idleTimes({ freezeAfterMs, destroyAfterMinutes }: NonNullable<Shared["idle"]>): FunctionDefinition["idle"] {
  const destroyAfterMs = destroyAfterMinutes === undefined ? undefined : destroyAfterMinutes * 60_000;
  return Object.freeze({ freezeAfterMs, destroyAfterMs });
}

/** The values above `max`, each where it stands, or where the `max` stands that is too low for it. */
function conflicts(
  merged: Concurrency,
  name: string,
  own: NonNullable<Shared["concurrency"]>,
  defaults: NonNullable<Shared["concurrency"]>,
): Problem[] {
  const { max } = merged;
  return (["min", "reserved"] as const).flatMap((key) => {
    if (merged[key] <= max) return [];
    const inFunction = ["functions", name, "concurrency"];
    if (own[key] === undefined && own.max !== undefined) {
      return [
        { path: [...inFunction, "max"], message: `must not be less than ${key}; expected ${merged[key]} or more` },
      ];
    }
    const where = own[key] === undefined && defaults[key] !== undefined ? ["defaults", "concurrency"] : inFunction;
    return [{ path: [...where, key], message: `must not be more than max; expected 0 to ${max}` }];
  });
}
