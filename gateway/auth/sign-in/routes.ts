import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import { crossOrigin } from "../../http/cross-origin.ts";
import type { Cors } from "../../routing/definition.ts";
import { cameThroughProxy } from "../callers/loopback.ts";
import type { PublicJwk } from "../tokens/key-ring.ts";
import { type SignInContext, signIn } from "./sign-in.ts";

export interface SignInRouteOptions {
  readonly context: () => SignInContext;
  readonly addressOf: (message: IncomingMessage) => string;
  readonly published: () => readonly PublicJwk[];
  /** What pages of other origins may. */
  readonly cors: () => Cors | undefined;
}

/** More than any name and password need. */
const largestBodyBytes = 16 * 1024;

const signInPath = "/user/auth/ver1.0";
const keysPath = "/.well-known/jwks.json";

/** G2: `POST /user/auth/ver1.0`, and the keys that others verify our tokens with (RFC 7517). */
export function addSignInRoutes(app: FastifyInstance, options: SignInRouteOptions): void {
  const signingIn = crossOrigin(app, signInPath, "POST", options.cors);
  app.post(signInPath, { bodyLimit: largestBodyBytes, ...signingIn }, async (request, reply) => {
    const apiKey = request.headers["x-api-key"];
    const answer = await signIn(
      {
        apiKey: typeof apiKey === "string" ? apiKey : undefined,
        address: options.addressOf(request.raw),
        throughProxy: cameThroughProxy(request.headers),
        body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
      },
      options.context(),
    );
    // A token in a cache is anybody's (RFC 6749 section 5.1).
    reply.code(answer.status).header("cache-control", "no-store");
    if (answer.retryAfterSeconds !== undefined) reply.header("retry-after", String(answer.retryAfterSeconds));
    return reply.send(answer.body);
  });

  const readingKeys = crossOrigin(app, keysPath, "GET, HEAD", options.cors);
  app.get(keysPath, readingKeys, (_request, reply) =>
    reply.header("cache-control", "public, max-age=300").send({ keys: options.published() }),
  );
}
