import type { VariableLookup } from "../files/substitute.ts";
import { parseYaml, type YamlPath } from "../files/yaml.ts";
import type { Functions } from "./definition.ts";
import { merge } from "./merge.ts";
import { fileSchema, knownKeys } from "./schema.ts";

/**
 * Reads functions.yml.
 * @param path how the file is named in messages
 * @throws ConfigurationError with a line `path:line:column: what is wrong; what was expected` for each mistake
 */
export function parseFunctions(text: string, path: string, lookup: VariableLookup): Functions {
  const file = parseYaml(text, { path, lookup, schema: fileSchema, expectedKeys, isText: isEnvironmentValue });
  const { functions, problems } = merge(file.value);
  file.refuse(problems);
  return functions;
}

/** Whether this leads to a value in a function's `environment` or in that of the defaults. */
function isEnvironmentValue(keys: YamlPath): boolean {
  return keys.at(-2) === "environment" && keys.length === (keys[0] === "functions" ? 4 : 3);
}

function expectedKeys([section, ...rest]: YamlPath): readonly string[] {
  if (section === undefined) return knownKeys.file;
  const [inner, below] = section === "defaults" ? rest : rest.slice(1);
  if (inner === "concurrency" || inner === "idle") return knownKeys[inner];
  if (inner === "url") return below === "cors" ? knownKeys.cors : knownKeys.url;
  return section === "defaults" ? knownKeys.defaults : knownKeys.function;
}
