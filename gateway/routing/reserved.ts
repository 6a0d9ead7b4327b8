import { shapeOf, type TemplateSegment } from "./template.ts";

/** Paths that esb answers itself, before any route. */
const own = ["/health", "/ready", "/metrics", "/user/auth/ver1.0", "/.well-known/jwks.json", "/openapi.json", "/docs"];
/** With all that is below. */
const ownTrees = ["/2015-03-31", "/2014-11-13", "/2021-11-15", "/docs"];

/** Whether a template literally takes a path of esb's own, so that it could never be reached. */
export function isReserved(segments: readonly TemplateSegment[]): boolean {
  const shape = shapeOf(segments);
  return own.includes(shape) || ownTrees.some((tree) => shape.startsWith(`${tree}/`) || shape === tree);
}
