import { closest } from "fastest-levenshtein";
import type { Problem, YamlPath } from "../files/yaml.ts";
import { corsProblem, mergeCors } from "./cors.ts";
import type { Route, RouteAuth } from "./definition.ts";
import { isReserved } from "./reserved.ts";
import type { RouteEntry, RoutingFile, SharedKeys } from "./schema.ts";
import { type ParsedTemplate, shapeOf } from "./template.ts";

/** A route as it is written and as it is meant. */
export interface ReadRoute {
  readonly entry: RouteEntry;
  readonly route: Route;
  readonly template: ParsedTemplate;
}

/** The functions that routes may name. */
export interface KnownFunctions {
  /** Of functions.yml, as messages name it. */
  readonly path: string;
  readonly names: readonly string[];
}

type Stages = RoutingFile["stages"];

/** What is wrong with what defaults and routes have in common. */
export function sharedProblems({ cors, stage }: SharedKeys, stages: Stages): readonly Problem[] {
  return [
    ...problem("cors", corsProblem(mergeCors(undefined, cors))),
    ...problem("stage", stage && stageProblem(stage, stages)),
  ];
}

/** What is wrong with a route by itself. */
export function routeProblems(
  { entry, route, template }: ReadRoute,
  functions: KnownFunctions,
  stages: Stages,
): readonly Problem[] {
  return [
    ...problem("path", "problem" in template ? template.problem : reservedProblem(isReserved(template.segments))),
    ...problem("function", unknownFunction(entry.function, functions)),
    ...problem("cors", entry.cors === undefined ? undefined : corsProblem(route.cors)),
    ...problem("stage", entry.stage && stageProblem(entry.stage, stages)),
  ];
}

/** Kinds of `auth` with which nobody could be let in; each is told once, at the first route that has it. */
export function closedAuth(
  routes: readonly ReadRoute[],
  missingForRoute: (auth: RouteAuth) => string | undefined,
): readonly Problem[] {
  const kinds = [...new Set(routes.map(({ route }) => route.auth))];
  return kinds.flatMap((auth) => {
    const message = missingForRoute(auth);
    const index = routes.findIndex(({ route }) => route.auth === auth);
    return message === undefined ? [] : [{ path: ["routes", String(index), "auth"], message: `${auth} ${message}` }];
  });
}

/** Two routes for one method and the same paths, with both lines. */
export function conflicts(routes: readonly ReadRoute[], lineOf: (path: YamlPath) => number): readonly Problem[] {
  const taken = new Map<string, number>();
  return routes.flatMap(({ entry, route, template }, index) => {
    if ("problem" in template) return [];
    const methods = typeof route.methods === "string" ? [route.methods] : route.methods;
    return methods.flatMap((method) => {
      const key = `${method} ${shapeOf(template.segments)}`;
      const other = taken.get(key) ?? index;
      taken.set(key, other);
      if (other === index) return [];
      const line = lineOf(["routes", String(other), "path"]);
      const what = `${method} ${entry.path} matches the same requests as ${method} ${routes[other]?.route.path}`;
      return [
        { path: ["routes", String(index), "path"], message: `${what} in line ${line}; expected only one of them` },
      ];
    });
  });
}

function problem(key: string, message: string | undefined): readonly Problem[] {
  return message === undefined ? [] : [{ path: [key], message }];
}

function reservedProblem(reserved: boolean): string | undefined {
  return reserved ? "is a path that esb answers itself; expected another" : undefined;
}

function unknownFunction(name: string, { path, names }: KnownFunctions): string | undefined {
  if (names.includes(name)) return undefined;
  if (names.length === 0) return `there is no function ${name}: ${path} has none`;
  return `there is no function ${name} in ${path}; did you mean ${closest(name, names)}?`;
}

/** Where stages are listed, a name that is not among them is a slip. */
function stageProblem(name: string, stages: Stages): string | undefined {
  if (stages === null || stages === undefined || name === "$default" || Object.hasOwn(stages, name)) return undefined;
  return `is not among stages; expected one of ${["$default", ...Object.keys(stages)].join(", ")}`;
}
