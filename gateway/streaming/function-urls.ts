import type { IncomingMessage, ServerResponse } from "node:http";
import { ClientGone, readBody } from "../apigateway/body.ts";
import type { TrustedProxies } from "../apigateway/client-address.ts";
import { preflightHeaders } from "../apigateway/cors.ts";
import { ApiError } from "../apigateway/errors.ts";
import { traceId } from "../apigateway/event-ids.ts";
import { toPreflight } from "../apigateway/preflight.ts";
import { type RequestHead, toRequestHead } from "../apigateway/received.ts";
import { ApiReply } from "../apigateway/reply.ts";
import type { ApiRequest } from "../apigateway/request.ts";
import { toResponseV2 } from "../apigateway/response-v2.ts";
import { AnswerWriter } from "../apigateway/writer.ts";
import type { FunctionDefinition, Functions, FunctionUrl } from "../functions/definition.ts";
import type { PendingReply } from "../http/drain.ts";
import type { AnswerRecord } from "../http/metrics.ts";
import type { Caller as RatedCaller } from "../http/rate-limit.ts";
import type { WorkerClient } from "../http/worker-client.ts";
import type { CallerGate } from "../lambda/admission.ts";
import { type InvocationContext, invoke } from "../lambda/invocation.ts";
import { largestRequestBytes, toWorkerHeaders } from "../lambda/request.ts";
import type { FunctionPool } from "../pool/function-pool.ts";
import type { Route } from "../routing/definition.ts";
import { toUrlError } from "./url-errors.ts";
import { toUrlEvent } from "./url-event.ts";
import { UrlStreamReply } from "./url-reply.ts";

/** Content type of an answer that names none (urls-invocation.html, "Response payload format"). */
const defaultType = "application/json";

/** The longest that a function may run, and so the longest that a client waits (gettingstarted-limits.html). */
const longestMs = 900_000;

export interface FunctionUrlsOptions extends InvocationContext {
  readonly region: string;
  readonly trusted: TrustedProxies;
  readonly functions: { readonly value: Functions };
  readonly pool: (definition: FunctionDefinition) => FunctionPool<WorkerClient>;
  /** Who may call Lambda's API may call a URL with AWS_IAM; it counts the rates of those itself. */
  readonly callers: CallerGate;
  /** Counts a request against its caller's rate. @throws RateExceeded */
  readonly admit: (caller: RatedCaller) => void;
  /** @throws LambdaError when nobody is admitted any more */
  readonly pending: { enter(reply: PendingReply): Disposable };
  readonly onAnswer: (record: AnswerRecord) => void;
}

interface Visit {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: RequestHead;
  readonly label: string;
  readonly trace: string;
}

/** `<function>.lambda-url.<region>.<anything>`, with or without a port. */
const host = /^([a-z0-9_-]+)\.lambda-url\.([a-z0-9-]+)\./i;

/** Serves function URLs, which a request's Host names (docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html). */
export class FunctionUrls {
  readonly #options: FunctionUrlsOptions;

  constructor(options: FunctionUrlsOptions) {
    this.#options = options;
  }

  /** Answers a request to a function URL in every case. @param id a UUID @returns whether it is one */
  serve(message: IncomingMessage, response: ServerResponse, id: string): boolean {
    const [, label, region] = host.exec(message.headers.host ?? "") ?? [];
    if (label === undefined || region === undefined) return false;
    const { clock, trusted } = this.#options;
    const head = toRequestHead(message, id, clock.epochMs(), trusted);
    const visit = { message, response, head, label, trace: traceId(head) };
    const definition = region.toLowerCase() === this.#options.region ? this.#find(label) : undefined;
    void this.#follow(visit, definition);
    return true;
  }

  /** Host names have no case. */
  #find(label: string): FunctionDefinition | undefined {
    const { value } = this.#options.functions;
    const wanted = label.toLowerCase();
    return value.get(label) ?? [...value.values()].find(({ name }) => name.toLowerCase() === wanted);
  }

  /** Never rejects. */
  async #follow(visit: Visit, definition: FunctionDefinition | undefined): Promise<void> {
    try {
      if (definition?.url === undefined) throw new ApiError("NO_ROUTE", "there is no such function URL");
      await this.#invoke(visit, definition, definition.url);
    } catch (error) {
      if (error instanceof ClientGone) return;
      const told = toUrlError(error);
      this.#onAnswer(visit, this.#writer(visit, definition?.url).error(told), told);
    }
  }

  async #invoke(visit: Visit, definition: FunctionDefinition, url: FunctionUrl): Promise<void> {
    const { message, response, head, trace } = visit;
    const options = this.#options;
    const asked = url.cors === undefined ? undefined : toPreflight(message);
    if (asked !== undefined && url.cors !== undefined) {
      const ids = ["x-amzn-requestid", head.id, "x-amzn-trace-id", trace];
      response.writeHead(200, [...ids, ...preflightHeaders(url.cors, asked), "content-length", "0"]).end();
      options.onAnswer({ route: "preflight", status: 200 });
      return;
    }
    const admitted = this.#admit(visit, url);
    const early = admitted instanceof Promise ? await admitted : admitted;
    const request: ApiRequest = { ...head, body: await readBody(message) };
    const caller = typeof early === "function" ? await early(request.body) : early;
    const route = routeOf(definition, url);
    const event = toUrlEvent(request, route, options.region, caller);
    if (event.length > largestRequestBytes) throw new ApiError("REQUEST_TOO_LARGE", "the event is too large");
    const streamed = url.invokeMode === "RESPONSE_STREAM";
    const reply = this.#reply(visit, request, url);
    using _pending = options.pending.enter(reply);
    await invoke(
      {
        id: head.id,
        call: { functionName: definition.name, traceId: trace, caller: undefined, awaited: true },
        pool: options.pool(definition),
        headers: toWorkerHeaders(head.id, {
          contentType: undefined,
          clientContext: undefined,
          traceId: trace,
          streamed,
        }),
        event,
      },
      reply,
      options,
    );
    if (reply instanceof UrlStreamReply) await reply.finished;
    else reply[Symbol.dispose]();
  }

  #reply(visit: Visit, request: ApiRequest, url: FunctionUrl): UrlStreamReply | ApiReply {
    const { response } = visit;
    const writer = this.#writer(visit, url);
    const onAnswer = (status: number, error: ApiError | undefined) => this.#onAnswer(visit, status, error);
    if (url.invokeMode === "RESPONSE_STREAM") return new UrlStreamReply({ request, response, writer, onAnswer });
    const { clock } = this.#options;
    const map = (bytes: Buffer) => toResponseV2(bytes, request, defaultType);
    return new ApiReply({ response, writer, clock, timeoutMs: longestMs, map, toError: toUrlError, onAnswer });
  }

  #admit({ message, head }: Visit, { auth }: FunctionUrl): ReturnType<CallerGate["admit"]> | undefined {
    if (auth === "NONE") {
      this.#options.admit({ kind: "address", address: head.sourceIp });
      return undefined;
    }
    const { method = "", url = "", headers, socket } = message;
    return this.#options.callers.admit({ method, url, headers, remoteAddress: socket.remoteAddress });
  }

  #writer({ message, response, head, trace }: Visit, url: FunctionUrl | undefined): AnswerWriter {
    const style = { payload: "2.0", cors: url?.cors, functionUrl: { traceId: trace } } as const;
    return new AnswerWriter(response, head.id, style, message.headers.origin);
  }

  #onAnswer({ head, label }: Visit, status: number, error: ApiError | undefined): void {
    const route = `function URL ${this.#find(label)?.name ?? ""}`;
    this.#options.onAnswer({ route: error?.code === "NO_ROUTE" ? undefined : route, status });
    if (error === undefined || status < 500) return;
    this.#options.onFailure(`request answered ${status}`, { requestId: head.id, route, error });
  }
}

/** A URL as a route of an HTTP API, whose event it has. */
function routeOf({ name }: FunctionDefinition, { cors }: FunctionUrl): Route {
  return {
    path: "$default",
    resourceId: "",
    methods: "ANY",
    functionName: name,
    auth: "none",
    payload: "2.0",
    cors,
    timeoutMs: longestMs,
    stage: { name: "$default", variables: {} },
    binaryMediaTypes: [],
    description: { summary: undefined, description: undefined, tags: [], request: undefined, response: undefined },
  };
}
