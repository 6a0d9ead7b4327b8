import { type Document, isMap, isNode, isPair, isScalar, LineCounter, parseDocument, visit } from "yaml";
import type { z } from "zod";
import { ConfigurationError } from "../../common/environment.ts";
import type { Functions } from "./definition.ts";
import { merge } from "./merge.ts";
import { fileSchema, knownKeys } from "./schema.ts";
import { substitute, type VariableLookup } from "./substitute.ts";

const mostSyntaxErrors = 5;

/**
 * Reads functions.yml.
 * @param path how the file is named in messages
 * @throws ConfigurationError with a line `path:line:column: what is wrong; what was expected` for each mistake
 */
export function parseFunctions(text: string, path: string, lookup: VariableLookup): Functions {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  // One slip makes YAML stumble over all that follows.
  const errors = document.errors.slice(0, mostSyntaxErrors);
  const problems = errors.map((error) => `${at(error.pos[0])}: not valid YAML: ${error.message}`);
  if (problems.length === 0) problems.push(...fillIn(document, lookup, at));
  if (problems.length > 0) throw new ConfigurationError(problems.join("\n"));

  const parsed = fileSchema.safeParse(content(document, at));
  if (!parsed.success) {
    throw new ConfigurationError(parsed.error.issues.flatMap((issue) => describe(issue, document, at)).join("\n"));
  }
  const { functions, problems: conflicts } = merge(parsed.data);
  if (conflicts.length > 0) {
    const told = conflicts.map(({ path, message }) => `${at(offsetOf(document, path))}: ${path.join(".")}: ${message}`);
    throw new ConfigurationError([...new Set(told)].join("\n"));
  }
  return functions;
}

function content(document: Document, at: (offset: number) => string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    throw new ConfigurationError(`${at(0)}: not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Replaces the variables in every string value of the document; keys stay, environment numbers are as written. */
function fillIn(document: Document, lookup: VariableLookup, at: (offset: number) => string): string[] {
  const problems: string[] = [];
  visit(document, {
    Scalar(key, node, parents) {
      // An account of 012345678901 or a version of 1.10 must not become another by being a number for a moment.
      if (typeof node.value === "number" && isEnvironmentValue(parents)) node.value = node.source;
      if (key === "key" || typeof node.value !== "string" || !node.value.includes("${")) return;
      const result = substitute(node.value, lookup);
      if ("text" in result) node.value = result.text;
      else problems.push(`${at(node.range?.[0] ?? 0)}: ${result.problem}`);
    },
    Alias(_key, node) {
      if (node.resolve(document) !== undefined) return;
      problems.push(`${at(node.range?.[0] ?? 0)}: not valid YAML: there is no anchor &${node.source}`);
    },
  });
  return problems;
}

/** Whether these are the parents of a value in a function's `environment` or in that of the defaults. */
function isEnvironmentValue(parents: readonly unknown[]): boolean {
  const keys = parents.filter(isPair).map((pair) => String(pair.key));
  return keys.at(-2) === "environment" && keys.length === (keys[0] === "functions" ? 4 : 3);
}

function describe(issue: z.core.$ZodIssue, document: Document, at: (offset: number) => string): string[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const expected = expectedKeys(path).join(", ");
      return `${at(offsetOf(document, [...path, key], true))}: ${[...path, key].join(".")}: unknown key; expected one of ${expected}`;
    });
  }
  const inner = issue.code === "invalid_key" ? issue.issues.slice(0, 1) : [];
  const message = inner[0]?.message ?? issue.message;
  return [`${at(offsetOf(document, path, issue.code === "invalid_key"))}: ${path.join(".") || "the file"}: ${message}`];
}

function expectedKeys([section, ...rest]: readonly string[]): readonly string[] {
  if (section === undefined) return knownKeys.file;
  const [inner] = section === "defaults" ? rest : rest.slice(1);
  if (inner === "concurrency" || inner === "idle") return knownKeys[inner];
  return section === "defaults" ? knownKeys.defaults : knownKeys.function;
}

/** Where a value stands, or its key where the key is at fault; of what is missing, where it is missing from. */
function offsetOf(document: Document, path: readonly string[], wantKey = false): number {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const [index, step] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find((item) => String(isScalar(item.key) ? item.key.value : item.key) === step);
      if (pair === undefined) return offset;
      const value = isNode(pair.value) ? pair.value : undefined;
      const key = isNode(pair.key) ? pair.key : undefined;
      const last = index === path.length - 1;
      offset = (last && !wantKey ? value?.range?.[0] : undefined) ?? key?.range?.[0] ?? offset;
      node = pair.value;
    } else {
      const item = document.getIn(path.slice(0, index + 1), true);
      if (!isNode(item)) return offset;
      offset = item.range?.[0] ?? offset;
      node = item;
    }
  }
  return offset;
}
