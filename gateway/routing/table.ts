import { put, type TextMap } from "../apigateway/event-maps.ts";
import {
  type Cors,
  methods,
  type NoRoute,
  type PayloadFormat,
  type Route,
  type RouteMatch,
  type RoutingTable,
} from "./definition.ts";
import { parsePath, type RequestPath, restOf } from "./path.ts";
import type { TemplateSegment } from "./template.ts";
import { TemplateTrie } from "./trie.ts";

/** A route with its template. */
export interface TemplateRoute {
  readonly route: Route;
  readonly segments: readonly TemplateSegment[];
}

export interface TableDefaults {
  readonly payload: PayloadFormat;
  readonly cors: Cors | undefined;
}

/** The routes of one template's shape, for each method the most specific first. */
type Resource = ReadonlyMap<string, TemplateRoute[]>;

/** @param routes without two of the same shape and method */
export function createTable(routes: readonly TemplateRoute[], defaults: TableDefaults): RoutingTable {
  const trie = new TemplateTrie<Resource>();
  for (const found of routes) {
    const resource = trie.at(found.segments, () => new Map(methods.map((method) => [method, []])));
    if (found.route.methods === "ANY") for (const list of resource.values()) list.push(found);
    else for (const method of found.route.methods) resource.get(method)?.unshift(found);
  }
  const match = (method: string, path: string) => search(trie, defaults, method, parsePath(path));
  return Object.freeze({
    routes: Object.freeze(routes.map(({ route }) => route)),
    payload: defaults.payload,
    cors: defaults.cors,
    match,
    corsFor(method: string, path: string) {
      const found = match(method, path);
      return "match" in found ? found.match.route.cors : found.none.cors;
    },
  });
}

type Found = { readonly match: RouteMatch } | { readonly none: NoRoute };

/**
 * Where the most specific template has no such method, a REST API looks no further, while an HTTP API's next template
 * may have it ("full match for a route and method").
 */
function search(trie: TemplateTrie<Resource>, defaults: TableDefaults, method: string, path: RequestPath): Found {
  let match: RouteMatch | undefined;
  let none: NoRoute | undefined;
  trie.find(path.segments, (resource) => {
    for (const { route, segments } of resource.get(method) ?? []) {
      const pathParameters = parametersOf(route, segments, path);
      if (pathParameters === undefined) continue;
      match = { route, pathParameters };
      return true;
    }
    const others = routesAt(resource)
      .filter(({ route, segments }) => parametersOf(route, segments, path) !== undefined)
      .map(({ route }) => route);
    const isRest = others.some(({ payload }) => payload === "1.0");
    if (others.length > 0) none ??= { payload: isRest ? "1.0" : "2.0", cors: others.find(({ cors }) => cors)?.cors };
    return isRest;
  });
  return match === undefined ? { none: none ?? defaults } : { match };
}

/** In an order that does not depend on the file's. */
function routesAt(resource: Resource): readonly TemplateRoute[] {
  const all = [...resource.values()].flat();
  const isAny = ({ route }: TemplateRoute) => route.methods === "ANY";
  return [...all.filter((found) => !isAny(found)), ...all.filter(isAny)];
}

/**
 * The parameters that a path, which has the template's shape, gives it; undefined when its slashes at the end do not
 * fit: an HTTP API's `/hello` is not at `/hello/`, a REST API's is.
 */
function parametersOf(
  { payload }: Route,
  segments: readonly TemplateSegment[],
  path: RequestPath,
): Readonly<Record<string, string>> | undefined {
  const isGreedy = segments.at(-1)?.kind === "greedy";
  if (!isGreedy && payload === "2.0" && path.trailingSlashes > 0) return undefined;
  const parameters: TextMap = {};
  let index = 0;
  for (const segment of segments) {
    if (segment.kind !== "static") {
      const value = segment.kind === "parameter" ? path.segments[index] : restOf(path, index, payload);
      if (value === undefined) return undefined;
      put(parameters, segment.name, value);
    }
    index++;
  }
  return parameters;
}
