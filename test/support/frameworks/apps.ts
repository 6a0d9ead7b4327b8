import { frameworksImage } from "./image.ts";

/** What each application stands for; its name is that of its file and of its function. */
export const apps = {
  express: "Express by serverless-http",
  koa: "Koa by serverless-http",
  codegenie: "Express by @codegenie/serverless-express",
  fastify: "Fastify by @fastify/aws-lambda",
  hono: "Hono by hono/aws-lambda",
  middy: "handlers with middy's http middlewares",
  powertools: "Powertools' event handler and schemas",
} as const;

export type AppName = keyof typeof apps;
export const appNames = Object.keys(apps) as AppName[];

/** Text of functions.yml. */
export const functions = `
defaults: { memory: 1024, timeout: 20, concurrency: { max: 1 } }
functions:
${appNames.map((name) => `  ${name}: { image: "${frameworksImage}", handler: apps/${name}.handler }`).join("\n")}
`;

/** Text of routing.yml: the same application below `/<name>/v1` and `/<name>/v2`, by the two payload formats. */
export const routes = `
defaults: { auth: none }
routes:
${appNames.flatMap((name) => [routes1(name), routes2(name)].flat()).join("\n")}
`;

function routes1(name: AppName): string[] {
  // The most common setting, and lists by which JSON and forms go as text.
  const binary = ["koa", "middy", "hono"].includes(name)
    ? '["image/*", "multipart/form-data", "application/octet-stream", "text/plain"]'
    : '["*/*"]';
  // @codegenie/serverless-express takes {proxy+} for the whole path: its route is at the root.
  const base = name === "codegenie" ? "" : `/${name}/v1`;
  return routesBelow(base, name).map((route) => `${route}, payload: "1.0", binaryMediaTypes: ${binary} }`);
}

function routes2(name: AppName): string[] {
  return routesBelow(`/${name}/v2`, name).map((route) => `${route}, payload: "2.0" }`);
}

/** Applications that answer preflights themselves have routes that say OPTIONS: ANY does not mean those. */
function routesBelow(base: string, name: AppName): string[] {
  const methods = "[GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS]";
  const paths = name === "middy" ? [`${base}/{proxy+}`, `${base}/items/{id}`] : [`${base}/{proxy+}`];
  return paths.map((path) => `  - { path: "${path}", function: ${name}, method: ${methods}`);
}
