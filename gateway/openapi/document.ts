import type { Route } from "../routing/definition.ts";
import { sharedAnswers, sharedSchemas } from "./answers.ts";
import type { OpenApiDocument, Operation, PathItem } from "./model.ts";
import { type OwnApi, ownPaths, ownTag } from "./own-paths.ts";
import { routePaths } from "./route-paths.ts";
import { securitySchemes } from "./security.ts";

export interface DocumentedApi extends OwnApi {
  readonly routes: readonly Route[];
  /** Of esb. */
  readonly version: string;
}

/** The API as OpenAPI 3.1 describes it, but for the servers, which each reader has their own of. */
export function toDocument({ routes, version, ...own }: DocumentedApi): OpenApiDocument {
  const ofRoutes = routePaths(routes);
  const tags = new Set(
    Object.values(ofRoutes)
      .flatMap(operations)
      .flatMap(({ tags }) => tags),
  );
  return {
    openapi: "3.1.1",
    info: { title: "esb", version, description: "AWS Lambda functions behind API Gateway's front door." },
    tags: [
      ...[...tags].filter((name) => name !== ownTag).map((name) => ({ name })),
      { name: ownTag, description: "What the gateway answers itself." },
    ],
    paths: { ...ofRoutes, ...ownPaths(own) },
    components: { securitySchemes, responses: sharedAnswers(), schemas: sharedSchemas },
  };
}

function operations({ parameters: _, ...byMethod }: PathItem): Operation[] {
  return Object.values(byMethod);
}
