import type { IncomingMessage, ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { addSignInRoutes, type SignInRouteOptions } from "../auth/sign-in/routes.ts";
import { refuse, refuseUnrouted } from "../lambda/refusals.ts";
import { addInvokeRoute, type InvokeRouteOptions } from "../lambda/route.ts";
import { type ApiDocumentOptions, addApiDocumentRoutes } from "../openapi/routes.ts";
import type { FunctionUrls } from "../streaming/function-urls.ts";
import { createBareApp } from "./bare-app.ts";
import type { ListenerOptions } from "./server.ts";
import { addStatusRoutes, type StatusOptions } from "./status.ts";

/** All of Lambda's API is under these; what is there and is not served is refused in its shape. */
const lambdaPrefixes = ["/2015-03-31/", "/2014-11-13/", "/2021-11-15/"];

/** Serves what is not esb's own. */
export interface Door {
  /** @param id a UUID */
  serve(message: IncomingMessage, response: ServerResponse, id: string): void;
  refuse(message: IncomingMessage, response: ServerResponse, id: string, error: unknown): void;
}

export interface AppOptions {
  readonly invoke: InvokeRouteOptions;
  readonly signIn: SignInRouteOptions;
  readonly door: Door;
  /** Serves requests that a Host sends to a function URL, whatever their path; says whether it is one. */
  readonly urls: Pick<FunctionUrls, "serve">;
  readonly listener: Omit<ListenerOptions, "clock" | "stopping">;
  readonly status: StatusOptions;
  /** Undefined: the API is not described. */
  readonly apiDocument: ApiDocumentOptions | undefined;
  /** Told of errors that are ours. */
  readonly onError: (error: unknown, requestId: string) => void;
}

/** The gateway's HTTP side towards its clients. */
export function createApp(options: AppOptions): FastifyInstance {
  const { clock } = options.invoke;
  const { stopping } = options.status;
  const app = createBareApp({ ...options.listener, clock, stopping }, elsewhere);
  app.addHook("onRequest", (request, reply, done) => {
    if (options.urls.serve(request.raw, reply.raw, request.id)) {
      reply.hijack();
      return;
    }
    if (!request.is404 || isLambdas(request)) return done();
    // Before fastify reads anything of the body, and without `done`: the rest is the door's.
    elsewhere(request, reply);
  });
  app.setErrorHandler((error, request, reply) => {
    if (!isLambdas(request)) {
      reply.hijack();
      options.door.refuse(request.raw, reply.raw, request.id, error);
      return;
    }
    refuse(error, request, reply, options.onError);
  });

  addStatusRoutes(app, options.status);
  addInvokeRoute(app, options.invoke);
  addSignInRoutes(app, options.signIn);
  if (options.apiDocument !== undefined) addApiDocumentRoutes(app, options.apiDocument);
  return app;

  function elsewhere(request: FastifyRequest, reply: FastifyReply): void {
    // What the router cannot read has come to no hook.
    if (!request.is404 && options.urls.serve(request.raw, reply.raw, request.id)) {
      reply.hijack();
      return;
    }
    if (isLambdas(request)) {
      refuseUnrouted(request, reply);
      return;
    }
    reply.hijack();
    options.door.serve(request.raw, reply.raw, request.id);
  }
}

/** A route matches in spite of percent-encoding, and what it refuses must still be told in its API's words. */
function isLambdas({ raw, routeOptions }: FastifyRequest): boolean {
  return lambdaPrefixes.some((prefix) => raw.url?.startsWith(prefix) || routeOptions.url?.startsWith(prefix));
}
