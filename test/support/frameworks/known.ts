import type { Format } from "./compare.ts";

/** Something in which an application behind Lambda differs from itself without it, in AWS just as behind esb. */
export interface KnownDifference {
  readonly apps: readonly string[];
  readonly formats: readonly Format[];
  /** Names of requests. */
  readonly requests: readonly string[];
  /** `status`, `body` or a header's name. */
  readonly what: string;
  readonly why: string;
}

const guide = "docs.aws.amazon.com/apigateway/latest/developerguide";
const proxyPage = `${guide}/set-up-lambda-proxy-integrations.html`;

export const knownDifferences: readonly KnownDifference[] = [
  {
    apps: ["express", "koa"],
    formats: ["v1"],
    requests: ["headers", "headers, repeated"],
    what: "link",
    why: `serverless-http says a list in headers and in multiValueHeaders; API Gateway merges both (${proxyPage}, output)`,
  },
  {
    apps: ["express", "koa"],
    formats: ["v1"],
    requests: ["headers, repeated"],
    what: "body",
    why: `serverless-http lets headers win over multiValueHeaders, and headers has the last value (${proxyPage}, input)`,
  },
  {
    apps: ["powertools"],
    formats: ["v1"],
    requests: ["headers, repeated"],
    what: "body",
    why: `Powertools puts the value in headers, the last one, before those in multiValueHeaders (${proxyPage}, input)`,
  },
  {
    apps: ["codegenie"],
    formats: ["v1"],
    requests: ["path parameter, slash", "path parameter, percent"],
    what: "status",
    why: `the path is taken from {proxy+}, which "API Gateway decodes" (${guide}/http-api-develop-routes.html); Express decodes again`,
  },
  {
    apps: ["codegenie"],
    formats: ["v1"],
    requests: ["path parameter, twice encoded"],
    what: "body",
    why: "the same",
  },
  {
    apps: ["middy"],
    formats: ["v1"],
    requests: ["path, slash at the end"],
    what: "status",
    why: "a REST API's {id} takes the path with a slash at its end as well; docs/routing.md",
  },
  {
    apps: ["fastify"],
    formats: ["v2"],
    requests: ["query, commas"],
    what: "body",
    why: `"Duplicate query strings are combined with commas" (${guide}/http-api-develop-integrations-lambda.html), and @fastify/aws-lambda splits at each comma`,
  },
  {
    apps: ["fastify"],
    formats: ["v1", "v2"],
    requests: ["path, dots"],
    what: "status",
    why: "Fastify's inject, by which @fastify/aws-lambda calls the application, resolves dots in a path",
  },
  {
    apps: ["hono"],
    formats: ["v2"],
    requests: ["headers"],
    what: "body",
    why: "hono/aws-lambda drops headers without a value",
  },
  {
    apps: ["hono", "powertools"],
    formats: ["v1", "v2"],
    requests: ["without a type"],
    what: "content-type",
    why: `@hono/node-server names a type where there is none, API Gateway another one (${proxyPage}, output)`,
  },
  {
    apps: ["powertools"],
    formats: ["v1", "v2"],
    requests: ["redirect", "see other", "empty"],
    what: "content-type",
    why: "Powertools' router begins with an empty text as its answer, whose type stays",
  },
];
