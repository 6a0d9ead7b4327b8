/** One segment of a path template. */
export type TemplateSegment =
  | { readonly kind: "static"; readonly text: string }
  | { readonly kind: "parameter"; readonly name: string }
  | { readonly kind: "greedy"; readonly name: string };

export type ParsedTemplate = { readonly segments: readonly TemplateSegment[] } | { readonly problem: string };

const parameter = /^\{([A-Za-z0-9._:-]+)(\+?)\}$/;
/** What a segment may contain without percent-encoding (RFC 3986 section 3.3), which is more than REST APIs allow. */
const literal = /^[A-Za-z0-9._~!$&'()*+,;=:@-]+$/;

const endsWithSlash =
  "must not end with /; expected the path without it (payload 1.0 ignores one in requests, with 2.0 only {name+} takes it)";

/**
 * Reads a path template: `/users/{id}`, `/shop/{proxy+}`, as API Gateway has them
 * (docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html).
 */
export function parseTemplate(template: string): ParsedTemplate {
  if (!template.startsWith("/")) return { problem: "must begin with /" };
  if (template === "/") return { segments: [] };
  if (template.endsWith("/")) return { problem: endsWithSlash };
  const segments: TemplateSegment[] = [];
  const names = new Set<string>();
  for (const text of template.slice(1).split("/")) {
    const problem = segments.at(-1)?.kind === "greedy" ? "nothing may follow {name+}" : add(text, segments, names);
    if (problem !== undefined) return { problem };
  }
  return { segments };
}

function add(text: string, segments: TemplateSegment[], names: Set<string>): string | undefined {
  if (text === "") return "must not have empty segments";
  if (text === "*" || text === "**") {
    return `"${text}" is no wildcard here; expected {name} for one segment or, at the end, {proxy+} for all that follow`;
  }
  const [, name, plus] = parameter.exec(text) ?? [];
  if (name !== undefined) {
    if (names.has(name)) return `has {${name}} twice`;
    names.add(name);
    segments.push({ kind: plus === "+" ? "greedy" : "parameter", name });
    return undefined;
  }
  if (/[{}]/.test(text)) {
    return `"${text}" is not a parameter; expected {name} or, at the end, {name+} as a whole segment, the name of letters, digits and . _ : -`;
  }
  if (!literal.test(text)) {
    return `"${text}" has characters that a path cannot have; expected letters, digits and -._~!$&'()*+,;=:@ (not percent-encoded)`;
  }
  segments.push({ kind: "static", text });
  return undefined;
}

/** The same for templates that match the same paths. */
export function shapeOf(segments: readonly TemplateSegment[]): string {
  const marks = { parameter: "{}", greedy: "{+}" } as const;
  return `/${segments.map((segment) => (segment.kind === "static" ? segment.text : marks[segment.kind])).join("/")}`;
}
