import { type FastifyInstance, type FastifyPluginCallback, fastify } from "fastify";

/** Nothing but what comes from here, and no script in the page itself; the icons in Swagger UI's style are `data:`. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/**
 * Swagger UI below a path; where its document comes from is the caller's matter: it asks for `<prefix>/json`.
 * An application of its own, made when somebody first asks for it, so that a gateway without readers does not pay for it.
 */
export async function openPage(prefix: string): Promise<FastifyInstance> {
  const { fastifySwaggerUi } = await import("@fastify/swagger-ui");
  const page = fastify({ logger: false });
  page.addHook("onSend", (_request, reply, _payload, done) => {
    reply.headers({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
    done();
  });
  page.setNotFoundHandler((_request, reply) => reply.code(404).send({ message: "Not Found" }));
  await page.register(noDocument);
  await page.register(fastifySwaggerUi, {
    routePrefix: prefix,
    staticCSP: contentSecurityPolicy,
    theme: { title: "esb" },
    uiConfig: {
      // Without the bar on top, which would load any document of the web.
      layout: "BaseLayout",
      docExpansion: "list",
      defaultModelsExpandDepth: -1,
      displayRequestDuration: true,
      tryItOutEnabled: true,
    },
  });
  await page.ready();
  return page;
}

/**
 * Swagger UI's plugin asks for one of this name, which would make the document from fastify's routes; ours are in
 * routing.yml. The symbols are fastify's for plugins (fastify.dev/docs/latest/Reference/Plugins).
 */
const noDocument: FastifyPluginCallback = Object.assign(
  (page: FastifyInstance, _options: object, done: () => void) => {
    page.decorate("swagger", () => ({}));
    done();
  },
  { [Symbol.for("skip-override")]: true, [Symbol.for("plugin-meta")]: { name: "@fastify/swagger" } },
);
