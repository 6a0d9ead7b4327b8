import { closest } from "fastest-levenshtein";
import type { VariableLookup } from "../files/substitute.ts";
import { type Problem, parseYaml, type YamlPath } from "../files/yaml.ts";
import { corsProblem } from "./cors.ts";
import type { RoutingTable } from "./definition.ts";
import { mergeRoute, tableDefaults } from "./merge.ts";
import { isReserved } from "./reserved.ts";
import { fileSchema, knownKeys, type RoutingFile } from "./schema.ts";
import { createTable, type TemplateRoute } from "./table.ts";
import { parseTemplate, shapeOf } from "./template.ts";

export interface RoutingContext {
  /** How the file is named in messages. */
  readonly path: string;
  readonly lookup: VariableLookup;
  /** Of functions.yml as it is now. */
  readonly functionNames: Iterable<string>;
}

/**
 * Reads routing.yml.
 * @throws ConfigurationError with a line `path:line:column: what is wrong; what was expected` for each mistake
 */
export function parseRouting(text: string, { path, lookup, functionNames }: RoutingContext): RoutingTable {
  const file = parseYaml(text, { path, lookup, schema: fileSchema, expectedKeys, isText });
  const { defaults, routes: entries, stages } = file.value;
  const names = [...functionNames];
  const routes: TemplateRoute[] = [];
  const problems: Problem[] = [];
  const taken = new Map<string, { readonly index: number; readonly what: string }>();
  const shared = tableDefaults(defaults ?? {});
  const sharedProblem = corsProblem(shared.cors);
  if (sharedProblem !== undefined) problems.push({ path: ["defaults", "cors"], message: sharedProblem });

  for (const [index, entry] of (entries ?? []).entries()) {
    const tell = (key: string, message: string) => problems.push({ path: ["routes", String(index), key], message });
    const template = parseTemplate(entry.path);
    const route = mergeRoute(entry, defaults ?? {}, stages);
    if (!names.includes(entry.function)) tell("function", unknownFunction(entry.function, names));
    if (!isKnownStage(route.stage.name, stages))
      tell("stage", `is not among stages; expected one of ${stageNames(stages)}`);
    const problem = corsProblem(route.cors);
    if (problem !== undefined && entry.cors !== undefined) tell("cors", problem);
    if ("problem" in template) {
      tell("path", template.problem);
      continue;
    }
    if (isReserved(template.segments)) tell("path", "is a path of esb's own; expected another");
    for (const method of typeof route.methods === "string" ? [route.methods] : route.methods) {
      const key = `${method} ${shapeOf(template.segments)}`;
      const other = taken.get(key);
      if (other === undefined) taken.set(key, { index, what: `${method} ${entry.path}` });
      else {
        const line = file.lineOf(["routes", String(other.index), "path"]);
        tell(
          "path",
          `${method} ${entry.path} matches the same requests as ${other.what} in line ${line}; expected only one of them`,
        );
      }
    }
    routes.push({ route, segments: template.segments });
  }
  file.refuse(problems);
  return createTable(routes, shared);
}

function unknownFunction(name: string, names: readonly string[]): string {
  if (names.length === 0) return `there is no function ${name}: functions.yml has none`;
  return `there is no function ${name} in functions.yml; did you mean ${closest(name, names)}?`;
}

/** Where stages are listed, a name that is not among them is a slip. */
function isKnownStage(name: string, stages: RoutingFile["stages"]): boolean {
  return stages === null || stages === undefined || name === "$default" || Object.hasOwn(stages, name);
}

function stageNames(stages: RoutingFile["stages"]): string {
  return ["$default", ...Object.keys(stages ?? {})].join(", ");
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
