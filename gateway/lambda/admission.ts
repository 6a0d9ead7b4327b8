import type { FastifyInstance, FastifyRequest, onRequestHookHandler, preHandlerHookHandler } from "fastify";
import type { BodyCheck, Caller, CallerRequest } from "../auth/callers/check.ts";

/** Who may call Lambda's API. */
export interface CallerGate {
  /** @throws (or rejects with) LambdaError that refuses the request */
  admit(request: CallerRequest): Caller | BodyCheck | Promise<Caller | BodyCheck>;
}

declare module "fastify" {
  interface FastifyRequest {
    /** What is left to be checked of the caller once the body is there. */
    bodyCheck: BodyCheck | undefined;
    /** Undefined: not known before the body is there. */
    caller: Caller | undefined;
  }
}

export interface Admission {
  readonly onRequest: onRequestHookHandler;
  readonly preHandler: preHandlerHookHandler;
}

/** Refuses callers before their body is read, where its hash is not needed for that. */
export function admission(app: FastifyInstance, gate: CallerGate): Admission {
  for (const name of ["bodyCheck", "caller"] as const) {
    if (!app.hasRequestDecorator(name)) app.decorateRequest(name, undefined);
  }
  const keep = (request: FastifyRequest, result: Caller | BodyCheck) => {
    if (typeof result === "function") request.bodyCheck = result;
    else request.caller = result;
  };
  return {
    onRequest(request, _reply, done) {
      const { method = "", url = "", headers, socket } = request.raw;
      let result: ReturnType<CallerGate["admit"]>;
      try {
        result = gate.admit({ method, url, headers, remoteAddress: socket.remoteAddress });
      } catch (error) {
        done(asError(error));
        return;
      }
      if (!(result instanceof Promise)) {
        keep(request, result);
        done();
        return;
      }
      result.then(
        (found) => {
          keep(request, found);
          done();
        },
        (error: unknown) => done(asError(error)),
      );
    },
    preHandler(request, _reply, done) {
      const { bodyCheck, body } = request;
      if (bodyCheck === undefined) {
        done();
        return;
      }
      const checked = async () => bodyCheck(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
      checked().then(
        () => done(),
        (error: unknown) => done(asError(error)),
      );
    },
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
