import type { IncomingMessage, ServerResponse } from "node:http";
import { largestAnswerBytes, payloadOf, responseTooLarge } from "../failures.ts";
import type { Invocation, Poll } from "../invocation.ts";
import type { WorkerSession } from "../session.ts";
import { collect, drop, joined } from "./body.ts";
import { writeWhole } from "./caller.ts";
import { accept, refuse } from "./reply.ts";

/** https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html */
export const runtimePrefix = "/2018-06-01/runtime/";

const mostInitErrorBytes = 256 * 1024;
const json = "application/json";

/** One request of a runtime; @param rest of the path, behind the prefix */
export function onRuntimeRequest(
  session: WorkerSession,
  rest: string,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const called = `${request.method} ${rest}`;
  const [, id = "", what] = /^POST invocation\/([^/]*)\/(response|error)$/.exec(called) ?? [];
  if (called === "GET invocation/next") onNext(session, request, response);
  else if (what === "response") onResponse(session, id, request, response);
  else if (what === "error") onError(session, id, request, response);
  else if (called === "POST init/error") onInitError(session, request, response);
  else {
    drop(request);
    refuse(response, "notFound");
  }
}

function onNext(session: WorkerSession, request: IncomingMessage, response: ServerResponse): void {
  const poll: Poll = {
    deliver(invocation) {
      // Once there is an answer, Node reads whatever comes before the end of a request.
      if (!request.complete) drop(request);
      response.sendDate = false;
      writeWhole(response, 200, invocationHeaders(invocation), invocation.takeEvent());
    },
    close: () => response.destroy(),
  };
  response.on("error", () => undefined);
  response.once("close", () => session.pollOver(poll));
  const refused = session.next(poll);
  if (refused === undefined) return;
  drop(request);
  refuse(response, refused);
}

function invocationHeaders(invocation: Invocation): string[] {
  const headers = [
    // Whatever the caller says its bytes are, as on AWS: awslambdaric parses nothing else.
    "Content-Type",
    "application/json",
    "Lambda-Runtime-Aws-Request-Id",
    invocation.requestId,
    "Lambda-Runtime-Deadline-Ms",
    String(invocation.deadlineMs),
    "Lambda-Runtime-Invoked-Function-Arn",
    invocation.functionArn,
  ];
  const { traceId, clientContext, cognitoIdentity } = invocation;
  if (traceId !== undefined) headers.push("Lambda-Runtime-Trace-Id", traceId);
  if (clientContext !== undefined) headers.push("Lambda-Runtime-Client-Context", clientContext);
  if (cognitoIdentity !== undefined) headers.push("Lambda-Runtime-Cognito-Identity", cognitoIdentity);
  return headers;
}

function onResponse(session: WorkerSession, id: string, request: IncomingMessage, response: ServerResponse): void {
  const invocation = begin(session, id, request, response);
  if (invocation === undefined) return;
  const mode = request.headers["lambda-runtime-function-response-mode"];
  if (mode !== undefined && mode !== "streaming") {
    drop(request);
    const errorType = "Runtime.InvalidResponseModeHeader";
    const errorMessage = "Invalid function response mode";
    invocation.caller.fail([payloadOf(invocation.requestId, { errorType, errorMessage })], json);
    session.answered(invocation, errorType, 0);
    refuse(response, "invalidResponseMode");
  } else if (mode === "streaming" && invocation.caller.wantsStream) streamed(session, invocation, request, response);
  else buffered(session, invocation, request, response);
}

function begin(
  session: WorkerSession,
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
): Invocation | undefined {
  const begun = session.beginAnswer(id);
  if (typeof begun !== "string") return begun;
  drop(request);
  refuse(response, begun);
  return undefined;
}

function buffered(
  session: WorkerSession,
  invocation: Invocation,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  collect(request, largestAnswerBytes, (body) => {
    if (!session.isOpen(invocation)) return refuse(response, "noAnswer");
    if (body.kind === "lost") return session.answerLost(invocation);
    if (body.kind === "too-large") {
      invocation.caller.fail([payloadOf(invocation.requestId, responseTooLarge)], json);
      session.answered(invocation, responseTooLarge.errorType, 0);
      return refuse(response, "tooLarge");
    }
    const failure = errorInTrailers(request);
    if (failure === undefined) invocation.caller.answer(body.parts, mediaType(request));
    else invocation.caller.fail([failure.payload], json);
    session.answered(invocation, failure?.errorType, body.bytes);
    accept(response);
  });
}

/** Passes a response on as it comes, no faster than the caller reads it. */
function streamed(
  session: WorkerSession,
  invocation: Invocation,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const stream = invocation.caller.stream(mediaType(request));
  const { body } = stream;
  let bytes = 0;
  const goOn = () => request.resume();
  body.on("drain", goOn);
  // A caller that has gone does not hold the function up: the rest is read and dropped.
  body.on("close", goOn);
  request.on("data", (part: Buffer) => {
    bytes += part.length;
    if (body.destroyed || body.writableEnded) return;
    if (!body.write(part)) request.pause();
  });
  request.on("error", () => undefined);
  let over = false;
  const finish = (complete: boolean) => {
    if (over) return;
    over = true;
    body.off("drain", goOn);
    body.off("close", goOn);
    if (!session.isOpen(invocation)) return refuse(response, "noAnswer");
    if (!complete) {
      const errorType = "Runtime.TruncatedResponse";
      const errorMessage = "The connection ended before the response did";
      stream.fail(errorType, payloadOf(invocation.requestId, { errorType, errorMessage }));
      return session.answered(invocation, errorType, bytes);
    }
    const failure = errorInTrailers(request);
    if (failure === undefined) stream.end();
    else stream.fail(failure.errorType, failure.payload);
    session.answered(invocation, failure?.errorType, bytes);
    accept(response);
  };
  request.on("end", () => finish(true));
  request.on("close", () => finish(false));
}

function onError(session: WorkerSession, id: string, request: IncomingMessage, response: ServerResponse): void {
  const invocation = begin(session, id, request, response);
  if (invocation === undefined) return;
  const errorType = single(request.headers["lambda-runtime-function-error-type"]) ?? "Runtime.UnknownReason";
  collect(request, largestAnswerBytes, (body) => {
    if (!session.isOpen(invocation)) return refuse(response, "noAnswer");
    if (body.kind === "lost") return session.answerLost(invocation);
    if (body.kind === "too-large") {
      invocation.caller.fail([payloadOf(invocation.requestId, responseTooLarge)], json);
    } else {
      const payload = body.bytes > 0 ? body.parts : [Buffer.from(JSON.stringify({ errorType }))];
      invocation.caller.fail(payload, json);
    }
    session.answered(invocation, errorType, body.kind === "whole" ? body.bytes : 0);
    if (body.kind === "too-large") refuse(response, "tooLarge");
    else accept(response);
  });
}

function onInitError(session: WorkerSession, request: IncomingMessage, response: ServerResponse): void {
  collect(request, mostInitErrorBytes, (body) => {
    if (body.kind === "lost") return;
    if (body.kind === "too-large") return refuse(response, "bodyTooLarge");
    const payload = joined(body.parts);
    const errorType = single(request.headers["lambda-runtime-function-error-type"]) ?? "Runtime.UnknownReason";
    const refused = session.initError({ errorType, ...readError(payload), payload });
    if (refused === undefined) accept(response);
    else refuse(response, refused);
  });
}

/** What a runtime says of an error, where it says so as AWS's runtimes do. */
export function readError(payload: Buffer): { errorType?: string; errorMessage: string } {
  try {
    const { errorType, errorMessage } = JSON.parse(payload.toString()) ?? {};
    const message = typeof errorMessage === "string" ? errorMessage : "";
    return typeof errorType === "string" && errorType !== ""
      ? { errorType, errorMessage: message }
      : { errorMessage: message };
  } catch {
    return { errorMessage: payload.toString().slice(0, 1000) };
  }
}

/** An error in the middle of a streamed response comes behind it (runtimes-custom.html, "Response streaming"). */
function errorInTrailers(request: IncomingMessage): { errorType: string; payload: Buffer } | undefined {
  if (request.rawTrailers.length === 0) return undefined;
  const { trailers } = request;
  const errorType = trailers["lambda-runtime-function-error-type"];
  if (errorType === undefined) return undefined;
  const payload = Buffer.from(trailers["lambda-runtime-function-error-body"] ?? "", "base64");
  return { errorType, payload: payload.length > 0 ? payload : Buffer.from(JSON.stringify({ errorType })) };
}

/** The response's own media type; curl calls whatever it sends a form, which says nothing. */
function mediaType({ headers }: IncomingMessage): string {
  const given = headers["content-type"];
  return given === undefined || given === "application/x-www-form-urlencoded" ? json : given;
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
