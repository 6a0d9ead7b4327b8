import type { VariableLookup } from "../files/substitute.ts";
import { type Problem, parseYaml, type YamlPath } from "../files/yaml.ts";
import { closedAuth, conflicts, type KnownFunctions, type ReadRoute, routeProblems, sharedProblems } from "./check.ts";
import type { RouteAuth, RoutingTable } from "./definition.ts";
import { mergeRoute, tableDefaults } from "./merge.ts";
import { fileSchema, knownKeys } from "./schema.ts";
import { createTable } from "./table.ts";
import { parseTemplate } from "./template.ts";

export interface RoutingContext {
  /** How the file is named in messages. */
  readonly path: string;
  readonly lookup: VariableLookup;
  /** Of functions.yml as it is now. */
  readonly functions: KnownFunctions;
  /** Why nobody could call a route with this `auth`, and what to set; undefined: somebody can. */
  readonly missingForRoute: (auth: RouteAuth) => string | undefined;
}

/**
 * Reads routing.yml.
 * @throws ConfigurationError with a line `path:line:column: what is wrong; what was expected` for each mistake
 */
export function parseRouting(text: string, context: RoutingContext): RoutingTable {
  const { path, lookup, functions, missingForRoute } = context;
  const file = parseYaml(text, { path, lookup, schema: fileSchema, expectedKeys, isText });
  const stages = file.value.stages;
  const defaults = file.value.defaults ?? {};
  const routes = (file.value.routes ?? []).map(
    (entry): ReadRoute => ({
      entry,
      route: mergeRoute(entry, defaults, stages),
      template: parseTemplate(entry.path),
    }),
  );
  file.refuse([
    ...sharedProblems(defaults, stages).map((problem) => below(["defaults"], problem)),
    ...routes.flatMap((read, index) =>
      routeProblems(read, functions, stages).map((problem) => below(["routes", String(index)], problem)),
    ),
    ...closedAuth(routes, missingForRoute),
    ...conflicts(routes, file.lineOf),
  ]);
  const templates = routes.flatMap(({ route, template }) =>
    "segments" in template ? [{ route, segments: template.segments }] : [],
  );
  return createTable(templates, tableDefaults(defaults));
}

function below(path: YamlPath, problem: Problem): Problem {
  return { ...problem, path: [...path, ...problem.path] };
}

/** `payload: 2.0` is not the number 2, and a stage's variables are texts. */
function isText(keys: YamlPath): boolean {
  const [section, ...rest] = keys;
  if (section === "stages") return rest.length === 2;
  return (section === "routes" || section === "defaults") && rest.length === 1 && rest[0] === "payload";
}

function expectedKeys([section, ...rest]: YamlPath): readonly string[] {
  if (section === undefined) return knownKeys.file;
  const inner = section === "defaults" ? rest : rest.slice(1);
  if (inner[0] === "cors") return knownKeys.cors;
  return section === "defaults" ? knownKeys.defaults : knownKeys.route;
}
