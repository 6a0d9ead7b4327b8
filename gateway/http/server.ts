import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createSecureServer, type ServerHttp2Session } from "node:http2";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Clock } from "../pool/clock.ts";
import type { Connections } from "./connections.ts";
import { answerProblem, entry } from "./entry.ts";
import { continueWhenRead } from "./expectation.ts";
import { mostHeaders } from "./head.ts";
import { Http2Request, Http2Response } from "./http2.ts";
import { SlowClients } from "./slow-clients.ts";
import { UnreadableRequests } from "./unreadable.ts";

/** The certificate of a port that speaks TLS. */
export interface ServerCertificate {
  readonly pair: { readonly certificate: string; readonly key: string };
  onChange(callback: (pair: ServerCertificate["pair"]) => void): void;
}

export interface ListenerOptions {
  readonly clock: Pick<Clock, "after">;
  readonly connections: Connections;
  /** How long a client may take for its request, and how long without reading any of its answer. */
  readonly requestTimeoutMs: number;
  /** Undefined: plain HTTP. */
  readonly certificate: ServerCertificate | undefined;
  /** Whether the gateway is going down. */
  readonly stopping: () => boolean;
}

/** Connections without a request stay this long: longer than the 60 s of AWS's load balancers, who would race with us. */
const keepAliveMs = 72_000;
/** For URL and headers together, names too; what AWS takes of each is checked behind it. */
const largestHeadBytes = 32 * 1024;
/** Node's default is a multiple of what AWS takes of a client. */
const mostStreams = 128;
/** What the answers of one connection may take of our memory while its client does not read; Node's default is 10. */
const sessionMemoryMiB = 64;

/** The gateway's servers: HTTP/1.1, and over TLS HTTP/2 too, whichever the client chooses (ALPN). */
export function serverFactory(options: ListenerOptions): (handler: RequestListener) => Server {
  return (handler) => {
    const server = options.certificate === undefined ? createServer(http1(options)) : secureServer(options);
    const slow = new SlowClients(options.clock, options.requestTimeoutMs);
    const unreadable = new UnreadableRequests(options.clock);
    const enter = entry({ stopping: options.stopping, handler });
    const begin = (request: IncomingMessage, response: ServerResponse) => {
      if (request.httpVersionMajor === 1) unreadable.follow(response);
      else slow.followRequest(request, response);
    };
    // They are counted in `entry`: Node would drop those beyond a limit without a word.
    server.maxHeadersCount = 0;
    server.setTimeout(options.requestTimeoutMs);
    server.prependListener("connection", (socket: Socket) => options.connections.enter(socket));
    server.on("session", (session: ServerHttp2Session) => slow.followSession(session, keepAliveMs));
    server.on("timeout", (idle: Socket | ServerHttp2Session) => {
      if (idle instanceof Socket) slow.onIdle(idle, unreadable.isWaiting(idle));
    });
    server.on("request", (request, response) => {
      begin(request, response);
      enter(request, response);
    });
    server.on("checkContinue", (request, response) => {
      continueWhenRead(request, response);
      server.emit("request", request, response);
    });
    server.on("checkExpectation", (request, response) => {
      begin(request, response);
      if (request.httpVersionMajor === 1) response.shouldKeepAlive = false;
      const message = `Expect: ${request.headers.expect} is not known; expected 100-continue`;
      answerProblem(request, response, "EXPECTATION_FAILED", message);
    });
    // Of HTTP/2 it has an answer in place of the socket.
    server.on("connect", (request, given: Duplex | ServerResponse) => {
      if (given instanceof Socket) unreadable.refuseTunnel(request.url, given);
      else if (given instanceof Http2Response) given.writeHead(405).end();
    });
    server.on("clientError", (error, socket) => {
      if (socket instanceof Socket) unreadable.refuse(error, socket);
    });
    return server;
  };
}

function http1({ requestTimeoutMs }: ListenerOptions): ServerOptions {
  return {
    maxHeaderSize: largestHeadBytes,
    // One without is refused in `entry`.
    requireHostHeader: false,
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: Math.min(1000, Math.ceil(requestTimeoutMs / 4)),
  };
}

function secureServer(options: ListenerOptions & { readonly certificate?: ServerCertificate | undefined }): Server {
  const { certificate, connections } = options;
  const secrets = (pair = certificate?.pair) => ({
    cert: pair?.certificate,
    key: pair?.key,
    minVersion: "TLSv1.2" as const,
  });
  const server = createSecureServer({
    ...http1(options),
    ...secrets(),
    allowHTTP1: true,
    handshakeTimeout: options.requestTimeoutMs,
    maxSessionMemory: sessionMemoryMiB,
    maxHeaderListPairs: 2 * mostHeaders,
    settings: { maxConcurrentStreams: mostStreams, maxHeaderListSize: 2 * largestHeadBytes },
    Http2ServerRequest: Http2Request,
    Http2ServerResponse: Http2Response,
  });
  certificate?.onChange((pair) => server.setSecureContext(secrets(pair)));
  // With these two it has all that we use of an http.Server.
  const closeAllConnections = () => connections.closeAll();
  return Object.assign(server, { closeAllConnections }) as unknown as Server;
}
