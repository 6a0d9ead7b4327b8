import type { FastifyReply, FastifyRequest } from "fastify";
import { LambdaError, toLambdaError } from "../http/errors.ts";
import { invalidName } from "./function-name.ts";
import { Reply } from "./reply.ts";
import { unroutableName } from "./route.ts";

/** Answers what has come to no route of Lambda's API, or could not be read as a path at all. */
export function refuseUnrouted(request: FastifyRequest, reply: FastifyReply): void {
  const { method = "", url = "" } = request.raw;
  const name = unroutableName(method, url);
  const error =
    name === undefined
      ? new LambdaError("ResourceNotFoundException", `There is no ${method} ${url}`)
      : invalidName(name);
  reply.hijack();
  new Reply(reply.raw, request.id).error(error);
}

/** Answers what a route of Lambda's API has thrown. @param onError told of errors that are ours */
export function refuse(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  onError: (error: unknown, requestId: string) => void,
): void {
  const told = toLambdaError(error);
  if (told.status === 500) onError(error, request.id);
  reply.hijack();
  new Reply(reply.raw, request.id).error(told);
}
