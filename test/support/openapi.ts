import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type AnySchema } from "ajv/dist/2020.js";

/** A document as a program that knows only OpenAPI reads it. */
export interface ReadDocument {
  readonly servers?: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, ReadOperation>>>>;
}

export interface ReadOperation {
  readonly tags: readonly string[];
  readonly summary?: string;
  readonly security: readonly object[];
  readonly requestBody?: { readonly content: Readonly<Record<string, object>> };
  readonly responses: Readonly<Record<string, object>>;
}

const lenient = { strict: false, allErrors: true, validateFormats: false };

/** The OpenAPI Initiative's: spec.openapis.org/oas/3.1/schema/2026-08-03 (Apache-2.0). */
const published = join(import.meta.dirname, "../fixtures/openapi/schema-3.1.json");
const check = new Ajv2020(lenient).compile(JSON.parse(readFileSync(published, "utf8")));

/** What is not OpenAPI 3.1 in a document, its JSON Schemas and references included; nothing when all is well. */
export function problemsOf(document: ReadDocument): readonly unknown[] {
  const problems: unknown[] = check(document) ? [] : [check.errors];
  const ajv = new Ajv2020(lenient);
  for (const [pointer, schema] of schemasIn(document)) {
    if (!ajv.validateSchema(schema as AnySchema)) problems.push(`${pointer} is no JSON Schema`);
  }
  for (const reference of referencesIn(document)) {
    if (lookUp(document, reference) === undefined) problems.push(`${reference} leads nowhere`);
  }
  for (const path of Object.keys(document.paths)) problems.push(...parameterProblems(document, path));
  return problems;
}

/** Whether a value is as a schema of the document says. @param pointer such as `/components/schemas/Message` */
export function complies(document: ReadDocument, pointer: string, value: unknown): boolean {
  const ajv = new Ajv2020(lenient);
  ajv.addSchema(document, "document");
  const found = ajv.getSchema(`document#${pointer}`);
  if (found === undefined) throw new Error(`the document has no ${pointer}`);
  return found(value) === true;
}

/** What a path's template names is what its parameters name, which the published schema cannot say. */
function parameterProblems({ paths }: ReadDocument, path: string): readonly string[] {
  const named = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name = ""]) => name);
  const item = paths[path] ?? {};
  const given = [item, ...Object.values(item)].flatMap(parametersOf);
  return named.sort().join() === given.sort().join() ? [] : [`${path} has the parameters ${given.join()}`];
}

function parametersOf(value: object): readonly string[] {
  const { parameters = [] } = value as { parameters?: readonly { readonly in: string; readonly name: string }[] };
  return parameters.flatMap((parameter) => (parameter.in === "path" ? [parameter.name] : []));
}

function* schemasIn(value: unknown, pointer = ""): Generator<readonly [string, unknown]> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const place = `${pointer}/${key}`;
    if (key === "schema" || pointer === "/components/schemas") yield [place, inner];
    else yield* schemasIn(inner, place);
  }
}

/** Keywords whose values are no schemas. */
const data = ["default", "enum"];

function* referencesIn(value: unknown): Generator<string> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "$ref" && typeof inner === "string") yield inner;
    else if (!data.includes(key)) yield* referencesIn(inner);
  }
}

function lookUp(document: unknown, reference: string): unknown {
  const keys = decodeURI(reference).slice(1).split("/").slice(1);
  return keys.reduce<unknown>((value, key) => {
    const name = key.replaceAll("~1", "/").replaceAll("~0", "~");
    return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  }, document);
}
