import { randomUUID } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { headProblem } from "./head.ts";
import { Http2Response } from "./http2.ts";
import { type ProblemName, problemAnswer } from "./problems.ts";

const absoluteForm = /^https?:\/\/([^/?#]*)/i;
/** What the resources of this server may allow (RFC 9110 section 9.3.7). */
const methods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

export interface EntryOptions {
  /** Whether the gateway is going down. */
  readonly stopping: () => boolean;
  readonly handler: RequestListener;
}

/** What every request passes before any route: its head is checked, its target brought into one form. */
export function entry({ stopping, handler }: EntryOptions): RequestListener {
  const refused = new WeakSet<Socket>();
  return (request, response) => {
    // Sent behind it at once: nothing is served that follows the end of a connection (RFC 9112 section 9.6).
    if (refused.has(request.socket)) return;
    if (stopping()) response.shouldKeepAlive = false;
    toOriginForm(request);
    const problem = headProblem(request);
    if (problem !== undefined) {
      // Of HTTP/1.1 the rest of the connection could be anything; frames of HTTP/2 stand for themselves.
      if (problem.name === "MALFORMED" && request.httpVersionMajor === 1) {
        response.shouldKeepAlive = false;
        refused.add(request.socket);
      }
      answerProblem(request, response, problem.name, problem.message);
    } else if (request.url === "*") {
      response.writeHead(204, ["allow", methods]).end();
    } else {
      handler(request, response);
    }
  };
}

export function answerProblem(
  request: Pick<IncomingMessage, "url">,
  response: ServerResponse | Http2Response,
  name: ProblemName,
  message: string,
): void {
  const { status, headers, body } = problemAnswer(name, message, request.url, randomUUID());
  if (response instanceof Http2Response) response.writeHead(status, headers).end(body);
  else response.writeHead(status, headers).end(body);
}

/** A proxy's form of a target, whose authority goes before the Host (RFC 9112 section 3.2.2). */
function toOriginForm(request: IncomingMessage): void {
  const { url = "" } = request;
  if (url.startsWith("/")) return;
  const [origin = "", authority = ""] = absoluteForm.exec(url) ?? [];
  if (authority === "") return;
  const rest = url.slice(origin.length);
  request.url = rest.startsWith("/") ? rest : `/${rest}`;
  if (request.headers.host === undefined) return;
  request.headers.host = authority;
  const { rawHeaders } = request;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (rawHeaders[index]?.toLowerCase() === "host") rawHeaders[index + 1] = authority;
  }
}
