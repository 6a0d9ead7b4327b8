import { type BodySchemas, type Method, methods, type Route } from "../routing/definition.ts";
import { parseTemplate, shapeOf, type TemplateSegment } from "../routing/template.ts";
import { answersOfApi } from "./answers.ts";
import { embedded, pointerTo } from "./embedded.ts";
import type { Content, MethodKey, Operation, Parameter, PathItem, Paths } from "./model.ts";
import { securityOfRoutes } from "./security.ts";

/** The same for all routes of a kind. */
const answers = { "1.0": answersOfApi("1.0"), "2.0": answersOfApi("2.0") };

/** Of routes that name no tag. */
const untagged = "routes";

/** Methods whose requests have no body, or one that means nothing (RFC 9110 section 9.3). */
const bodiless: readonly Method[] = ["GET", "HEAD"];

interface Templated {
  readonly route: Route;
  readonly segments: readonly TemplateSegment[];
  readonly shape: string;
}

/** The paths of the routes whose entries describe them: with a summary, a description, or a schema. */
export function routePaths(routes: readonly Route[]): Paths {
  // Routes that match the same paths are one path here, whatever they call its parameters.
  const byShape = Map.groupBy(routes.flatMap(withTemplate), ({ shape }) => shape);
  const paths: Paths = {};
  for (const same of byShape.values()) {
    const first = same.find(({ route }) => isDescribed(route));
    if (first !== undefined)
      paths[first.route.path] = pathItem(
        first,
        same.map(({ route }) => route),
      );
  }
  return paths;
}

function pathItem({ route: { path }, segments }: Templated, routes: readonly Route[]): PathItem {
  const parameters = segments.flatMap(pathParameter);
  const item: PathItem = parameters.length === 0 ? {} : { parameters };
  const named = routes.flatMap((route) => (route.methods === "ANY" ? [] : route.methods));
  for (const route of routes.filter(isDescribed)) {
    const own = route.methods === "ANY" ? methods.filter((method) => !named.includes(method)) : route.methods;
    for (const method of own) item[keyOf(method)] = operation(route, method, path);
  }
  return item;
}

function withTemplate(route: Route): Templated[] {
  const template = parseTemplate(route.path);
  return "problem" in template ? [] : [{ route, segments: template.segments, shape: shapeOf(template.segments) }];
}

function isDescribed({ description }: Route): boolean {
  const { summary, description: text, request, response } = description;
  return [summary, text, request, response].some((given) => given !== undefined);
}

function pathParameter(segment: TemplateSegment): Parameter[] {
  if (segment.kind === "static") return [];
  const common = { in: "path", required: true, schema: { type: "string" } } as const;
  if (segment.kind === "parameter") return [{ name: segment.name, ...common }];
  // OpenAPI's templates have no such thing; the name is what stands in the path.
  return [{ name: `${segment.name}+`, description: "One segment or more, with the slashes between them.", ...common }];
}

function operation(route: Route, method: Method, path: string): Operation {
  const { tags, summary, description, request, response } = route.description;
  const place = (...rest: readonly string[]) => pointerTo("paths", path, keyOf(method), ...rest, "content");
  const hasBody = request !== undefined && !bodiless.includes(method);
  return {
    tags: tags.length === 0 ? [untagged] : tags,
    ...(summary === undefined ? {} : { summary }),
    ...(description === undefined ? {} : { description }),
    security: securityOfRoutes[route.auth],
    ...(hasBody ? { requestBody: { required: true, content: toContent(request, place("requestBody")) } } : {}),
    responses: {
      // As API Gateway's exports have it, though the status is the function's matter; readers see `2XX` behind all errors.
      200: {
        description: "What the function answers.",
        ...(response === undefined ? {} : { content: toContent(response, place("responses", "200")) }),
      },
      ...answers[route.payload][route.auth],
    },
  };
}

function toContent(schemas: BodySchemas, pointer: string): Content {
  return Object.fromEntries(
    Object.entries(schemas).map(([mediaType, schema]) => [
      mediaType,
      { schema: embedded(schema, `${pointer}${pointerTo(mediaType, "schema")}`) },
    ]),
  );
}

function keyOf(method: Method): MethodKey {
  return method.toLowerCase() as MethodKey;
}
