import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { z } from "zod";
import type { EventPoll } from "../invocation.ts";
import type { WorkerSession } from "../session.ts";
import { collect, drop, joined } from "./body.ts";
import { accept, refuse, replyJson } from "./reply.ts";
import { readError } from "./runtime-api.ts";

/** https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html */
export const extensionPrefix = "/2020-01-01/extension/";

const mostBodyBytes = 64 * 1024;
const registration = z.object({ events: z.array(z.string()).max(16).default([]) });

/** One request of an extension; @param rest of the path, behind the prefix */
export function onExtensionRequest(
  session: WorkerSession,
  rest: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const called = `${request.method} ${rest}`;
  if (called === "POST register") onRegister(session, request, response);
  else if (called === "GET event/next") onEventNext(session, request, response);
  else if (called === "POST init/error" || called === "POST exit/error") onExtensionError(session, request, response);
  else {
    drop(request);
    refuse(response, "notFound");
  }
}

function onRegister(session: WorkerSession, request: IncomingMessage, response: ServerResponse): void {
  const name = header(request, "lambda-extension-name");
  collect(request, mostBodyBytes, (body) => {
    if (body.kind === "lost") return;
    if (body.kind === "too-large") return refuse(response, "bodyTooLarge");
    if (name === undefined || name === "" || name.length > 128) return refuse(response, "emptyName");
    const parsed = registration.safeParse(parse(joined(body.parts)));
    if (!parsed.success) return refuse(response, "invalidFormat");
    const identifier = randomUUID();
    const refused = session.register(identifier, name, parsed.data.events);
    if (refused !== undefined) return refuse(response, refused);
    const { functionName, functionVersion, handler, accountId } = session.worker;
    const features = (header(request, "lambda-extension-accept-feature") ?? "").split(",");
    const asked = features.some((feature) => feature.trim() === "accountId") ? { accountId } : {};
    const told = { functionName, functionVersion, handler, ...asked };
    replyJson(response, 200, told, ["Lambda-Extension-Identifier", identifier]);
  });
}

function onEventNext(session: WorkerSession, request: IncomingMessage, response: ServerResponse): void {
  drop(request);
  const identifier = identified(session, request, response);
  if (identifier === undefined) return;
  const poll: EventPoll = {
    deliver: (event) => replyJson(response, 200, event, ["Lambda-Extension-Event-Identifier", randomUUID()]),
    close: () => response.destroy(),
  };
  response.on("error", () => undefined);
  response.once("close", () => session.eventPollLost(identifier, poll));
  const refused = session.eventNext(identifier, poll);
  if (refused !== undefined) refuse(response, refused);
}

function onExtensionError(session: WorkerSession, request: IncomingMessage, response: ServerResponse): void {
  collect(request, mostBodyBytes, (body) => {
    if (body.kind === "lost") return;
    const identifier = identified(session, request, response);
    if (identifier === undefined) return;
    const errorType = header(request, "lambda-extension-function-error-type");
    if (errorType === undefined) return refuse(response, "missingErrorType");
    const payload = body.kind === "whole" ? joined(body.parts) : Buffer.alloc(0);
    const { errorMessage } = readError(payload);
    const refused = session.extensionError(identifier, { errorType, errorMessage, payload });
    if (refused === undefined) accept(response);
    else refuse(response, refused);
  });
}

/** Who asks, by the identifier that registering gave it; undefined: refused already. */
export function identified(
  session: WorkerSession,
  request: IncomingMessage,
  response: ServerResponse,
): string | undefined {
  const identifier = header(request, "lambda-extension-identifier");
  if (identifier === undefined || identifier === "") refuse(response, "missingIdentifier");
  else if (!session.hasExtension(identifier)) refuse(response, "unknownIdentifier");
  else return identifier;
  return undefined;
}

export function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
