import { resourceId } from "../apigateway/event-ids.ts";
import { mergeCors } from "./cors.ts";
import type { Route, Stage } from "./definition.ts";
import type { RouteEntry, RoutingFile, SharedKeys } from "./schema.ts";

/** How long API Gateway waits by default, in milliseconds (docs.aws.amazon.com/apigateway/latest/developerguide/limits.html). */
const timeoutMs = { "1.0": 29_000, "2.0": 30_000 } as const;

const builtIn = { auth: "jwt", payload: "1.0", stage: "$default", binaryMediaTypes: [], tags: [] } as const;

/** In whose words an unknown path is answered, and whether pages of other origins may read that. */
export function tableDefaults({ payload, cors }: SharedKeys) {
  return Object.freeze({ payload: payload ?? builtIn.payload, cors: mergeCors(undefined, cors) });
}

/** Puts the defaults behind what a route says. */
export function mergeRoute(given: RouteEntry, defaults: SharedKeys, stages: RoutingFile["stages"]): Route {
  const payload = given.payload ?? defaults.payload ?? builtIn.payload;
  return Object.freeze({
    path: given.path,
    resourceId: resourceId(given.path),
    methods: typeof given.method === "string" && given.method !== "ANY" ? [given.method] : given.method,
    functionName: given.function,
    auth: given.auth ?? defaults.auth ?? builtIn.auth,
    payload,
    cors: mergeCors(given.cors, defaults.cors),
    timeoutMs: given.timeoutMs ?? defaults.timeoutMs ?? timeoutMs[payload],
    stage: stageOf(given.stage ?? defaults.stage ?? builtIn.stage, stages),
    binaryMediaTypes: Object.freeze(given.binaryMediaTypes ?? defaults.binaryMediaTypes ?? builtIn.binaryMediaTypes),
    description: Object.freeze({
      summary: given.summary,
      description: given.description,
      tags: Object.freeze(given.tags ?? defaults.tags ?? builtIn.tags),
      request: given.request,
      response: given.response,
    }),
  });
}

function stageOf(name: string, stages: RoutingFile["stages"]): Stage {
  const variables = new Map(Object.entries(stages ?? {})).get(name) ?? {};
  return Object.freeze({ name, variables: Object.freeze(variables) });
}
