import type { FastifyInstance, FastifyReply, onRequestHookHandler } from "fastify";
import { answerHeaders, preflightHeaders } from "../apigateway/cors.ts";
import { toPreflight } from "../apigateway/preflight.ts";
import type { Cors } from "../routing/definition.ts";

/**
 * Lets pages of other origins use a path of esb's own.
 * @param methods those of the path, as Allow names them
 * @param cors what holds now; undefined: no page of another origin may
 * @returns what the path's routes do first
 */
export function crossOrigin(
  app: FastifyInstance,
  path: string,
  methods: string,
  cors: () => Cors | undefined,
): { readonly onRequest: onRequestHookHandler } {
  app.options(path, (request, reply) => {
    const held = cors();
    const asked = toPreflight(request.raw);
    if (held !== undefined && asked !== undefined) add(reply, preflightHeaders(held, asked));
    return reply.code(204).header("allow", `${methods}, OPTIONS`).send();
  });
  return {
    onRequest(request, reply, done) {
      const held = cors();
      if (held !== undefined) add(reply, answerHeaders(held, request.headers.origin));
      done();
    },
  };
}

/** @param headers names and values in turn */
function add(reply: FastifyReply, headers: readonly string[]): void {
  for (let index = 0; index < headers.length; index += 2) reply.header(headers[index] ?? "", headers[index + 1]);
}
