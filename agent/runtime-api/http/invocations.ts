import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  deadlineHeader,
  functionArnHeader,
  quietPath,
  responseModeHeader,
} from "../../../common/invocation-headers.ts";
import type { Invocation } from "../invocation.ts";
import type { WorkerSession } from "../session.ts";
import { collect } from "./body.ts";
import { HttpCaller } from "./caller.ts";
import { replyJson } from "./reply.ts";

/** Where every worker takes invocations: the path of Lambda's runtime interface emulator. */
export const invocationPath = "/2015-03-31/functions/function/invocations";

/** The gateway holds Lambda's own limit; this one only bounds memory, a little above it. In bytes. */
const largestEventBytes = 6 * 1024 * 1024 + 64 * 1024;

/** Takes invocations for workers, whose address has told which one is meant. */
export class Invocations {
  readonly #now: () => number;
  #tickets = 0;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  onRequest(session: WorkerSession, request: IncomingMessage, response: ServerResponse): void {
    const receivedMs = this.#now();
    if (request.method !== "POST" || request.url !== invocationPath) {
      request.resume();
      if (request.method === "GET" && request.url === quietPath) {
        whenQuiet(session, response);
        return;
      }
      replyJson(response, 404, { errorMessage: "There is no such path", errorType: "NotFound" });
      return;
    }
    collect(request, largestEventBytes, (body) => {
      if (body.kind === "lost") return;
      if (body.kind === "too-large") {
        const errorMessage = `Request must be smaller than ${largestEventBytes} bytes for the InvokeFunction operation`;
        replyJson(response, 413, { errorMessage, errorType: "RequestTooLargeException" });
        return;
      }
      const invocation = this.#invocation(session, request, response, receivedMs, body);
      response.once("close", () => {
        if (!response.writableFinished) session.callerGone(invocation);
      });
      session.invoke(invocation);
    });
  }

  #invocation(
    session: WorkerSession,
    { headers }: IncomingMessage,
    response: ServerResponse,
    receivedMs: number,
    body: { readonly parts: readonly Buffer[] },
  ): Invocation {
    let event = body.parts;
    const deadline = Number(single(headers[deadlineHeader]));
    return {
      ticket: ++this.#tickets,
      requestId: requestId(single(headers["x-amzn-requestid"])),
      takeEvent: () => {
        const taken = event;
        event = [];
        return taken;
      },
      deadlineMs: Number.isSafeInteger(deadline) && deadline > 0 ? deadline : receivedMs + session.worker.timeoutMs,
      functionArn: single(headers[functionArnHeader]) ?? session.worker.functionArn,
      traceId: single(headers["x-amzn-trace-id"]),
      clientContext: decoded(single(headers["x-amz-client-context"])),
      cognitoIdentity: single(headers["x-amz-cognito-identity"]),
      caller: new HttpCaller(response, headers[responseModeHeader] === "streaming", () => session.extensionsWork),
    };
  }
}

/** Whoever asks may go at any time. */
function whenQuiet(session: WorkerSession, response: ServerResponse): void {
  const stop = session.whenQuiet((takes) => {
    if (!response.destroyed) response.writeHead(takes ? 204 : 410).end();
  });
  response.once("close", stop);
}

/** It becomes part of a path that the runtime puts together. */
function requestId(given: string | undefined): string {
  return given !== undefined && /^[A-Za-z0-9_-]{1,128}$/.test(given) ? given : randomUUID();
}

/** Base64 to what a header can carry: its bytes as they are, control characters (line ends among them) as spaces. */
function decoded(base64: string | undefined): string | undefined {
  if (base64 === undefined) return undefined;
  return Buffer.from(base64, "base64")
    .toString("latin1")
    .replace(/[^\x20-\x7e\x80-\xff]/g, " ");
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
