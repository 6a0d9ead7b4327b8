import { type Document, isPair, LineCounter, parseDocument, visit, type YAMLParseError } from "yaml";
import type { z } from "zod";
import { ConfigurationError } from "../../common/environment.ts";
import { substitute, type VariableLookup } from "./substitute.ts";
import { offsetOf } from "./yaml-place.ts";

const mostSyntaxErrors = 5;
const secretReference = `not a variable that is set; expected \${NAME} or \${NAME:-default} ($\${ for a plain \${)`;

/** A way through a document: keys of maps and indexes of lists. */
export type YamlPath = readonly string[];

/** What is wrong with the value at a path of a file, or with its key. */
export interface Problem {
  readonly path: YamlPath;
  readonly message: string;
  readonly atKey?: boolean;
}

export interface YamlFormat<T> {
  /** How the file is named in messages. */
  readonly path: string;
  readonly lookup: VariableLookup;
  readonly schema: z.ZodType<T>;
  /** Which keys are known in the map at a path, for messages about those that are not. */
  readonly expectedKeys: (path: YamlPath) => readonly string[];
  /**
   * Whether a number stays the text that was written (an account of 012345678901, a version of 1.10); asked with the
   * keys of the maps that lead to it.
   */
  readonly isText: (keys: YamlPath) => boolean;
  /** Whether messages leave out what the file says, since it says secrets. */
  readonly secret?: boolean;
}

/** A file's content, and what is needed to say where in it something is wrong. */
export interface YamlContent<T> {
  readonly value: T;
  /** Line of a path's value in the file. */
  lineOf(path: YamlPath): number;
  /** Throws a ConfigurationError with a line for each problem; does nothing when there is none. */
  refuse(problems: readonly Problem[]): void;
}

/**
 * Reads a YAML file, with its variables filled in.
 * @throws ConfigurationError with a line `path:line:column: what is wrong; what was expected` for each mistake
 */
export function parseYaml<T>(text: string, format: YamlFormat<T>): YamlContent<T> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${format.path}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const told = ({ path, message, atKey }: Problem) => {
    // A secret can have become a key by a slip, such as a space left out.
    const named = format.secret === true && atKey === true ? path.slice(0, -1) : path;
    return `${at(offsetOf(document, path, atKey))}: ${named.join(".") || "the file"}: ${message}`;
  };
  const problems = syntaxErrors(document, lines).map(
    (error) => `${at(error.pos[0])}: not valid YAML: ${format.secret === true ? error.code : worded(error)}`,
  );
  if (problems.length === 0) problems.push(...fillIn(document, format, at));
  throwIfAny(problems);

  const parsed = format.schema.safeParse(content(document, at));
  if (!parsed.success) {
    throwIfAny(parsed.error.issues.flatMap((issue) => describe(issue, format.expectedKeys)).map(told));
  }
  return {
    value: parsed.data as T,
    lineOf: (path) => Math.max(lines.linePos(offsetOf(document, path)).line, 1),
    refuse: (found) => throwIfAny([...new Set(found.map(told))]),
  };
}

/** One slip makes YAML stumble over all that follows, in its line first. */
function syntaxErrors({ errors }: Document, lines: LineCounter): readonly YAMLParseError[] {
  const byLine = new Map<number, YAMLParseError>();
  for (const error of errors) {
    const { line } = lines.linePos(error.pos[0]);
    if (!byLine.has(line)) byLine.set(line, error);
  }
  return [...byLine.values()].slice(0, mostSyntaxErrors);
}

function worded({ message }: YAMLParseError): string {
  return message.startsWith("Unexpected flow-map-start") ? `${message}; a value with { in it needs quotes` : message;
}

function throwIfAny(messages: readonly string[]): void {
  if (messages.length > 0) throw new ConfigurationError(messages.join("\n"));
}

function content(document: Document, at: (offset: number) => string): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    throw new ConfigurationError(`${at(0)}: not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Replaces the variables in every string value of the document; keys stay. */
function fillIn<T>(
  document: Document,
  { lookup, isText, secret = false }: YamlFormat<T>,
  at: (offset: number) => string,
): readonly string[] {
  const problems: string[] = [];
  visit(document, {
    Scalar(key, node, parents) {
      if (typeof node.value === "number" && isText(keysOf(parents))) node.value = node.source;
      if (key === "key" || typeof node.value !== "string" || !node.value.includes("${")) return;
      const result = substitute(node.value, lookup);
      if ("text" in result) node.value = result.text;
      else problems.push(`${at(node.range?.[0] ?? 0)}: ${secret ? secretReference : result.problem}`);
    },
    Alias(_key, node) {
      if (node.resolve(document) !== undefined) return;
      const anchor = secret ? "" : ` &${node.source}`;
      problems.push(`${at(node.range?.[0] ?? 0)}: not valid YAML: there is no anchor${anchor}`);
    },
  });
  return problems;
}

function keysOf(parents: readonly unknown[]): YamlPath {
  return parents.filter(isPair).map((pair) => String(pair.key));
}

function describe(issue: z.core.$ZodIssue, expectedKeys: (path: YamlPath) => readonly string[]): readonly Problem[] {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const message = `unknown key; expected one of ${expectedKeys(path).join(", ")}`;
    return issue.keys.map((key) => ({ path: [...path, key], message, atKey: true }));
  }
  if (issue.code === "invalid_union") {
    // Of a union such as `true or a map`, the mistakes inside the map are what helps.
    const inside = issue.errors.find((branch) =>
      branch.some((inner) => inner.path.length > 0 || inner.code === "unrecognized_keys"),
    );
    if (inside !== undefined) {
      return inside.flatMap((inner) => describe({ ...inner, path: [...issue.path, ...inner.path] }, expectedKeys));
    }
  }
  if (issue.code !== "invalid_key") return [{ path, message: issue.message }];
  return [{ path, message: issue.issues[0]?.message ?? issue.message, atKey: true }];
}
