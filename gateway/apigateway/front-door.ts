import type { IncomingMessage, ServerResponse } from "node:http";
import type { Authorization, Authorizer } from "../auth/authorization.ts";
import type { FunctionDefinition } from "../functions/definition.ts";
import type { PendingReply } from "../http/drain.ts";
import type { AnswerRecord } from "../http/metrics.ts";
import type { Caller } from "../http/rate-limit.ts";
import type { WorkerClient } from "../http/worker-client.ts";
import { type InvocationContext, invoke } from "../lambda/invocation.ts";
import { largestRequestBytes } from "../lambda/request.ts";
import type { FunctionPool } from "../pool/function-pool.ts";
import type { Route, RouteMatch, RoutingTable } from "../routing/definition.ts";
import type { ApiIdentity } from "./api-identity.ts";
import { ClientGone, readBody } from "./body.ts";
import type { TrustedProxies } from "./client-address.ts";
import { preflightHeaders } from "./cors.ts";
import { ApiError } from "./errors.ts";
import { traceId } from "./event-ids.ts";
import { toEventV1 } from "./event-v1.ts";
import { toEventV2 } from "./event-v2.ts";
import { toApiError } from "./failures.ts";
import { checkHttpApiHead } from "./head-limit.ts";
import { headersOf } from "./header-list.ts";
import { toPreflight } from "./preflight.ts";
import { type RequestHead, toRequestHead } from "./received.ts";
import { ApiReply } from "./reply.ts";
import type { ApiRequest } from "./request.ts";
import { toResponseV1 } from "./response-v1.ts";
import { toResponseV2 } from "./response-v2.ts";
import { type AnswerStyle, AnswerWriter } from "./writer.ts";

export interface FrontDoorOptions extends InvocationContext {
  readonly api: ApiIdentity;
  readonly trusted: TrustedProxies;
  readonly routes: () => RoutingTable;
  readonly authorizer: Authorizer;
  /** Counts a request against its caller's rate. @throws RateExceeded */
  readonly admit: (caller: Caller) => void;
  readonly functions: { get(name: string): FunctionDefinition | undefined };
  readonly pool: (definition: FunctionDefinition) => FunctionPool<WorkerClient>;
  /** @throws LambdaError when nobody is admitted any more */
  readonly pending: { enter(reply: PendingReply): Disposable };
  readonly onAnswer: (record: AnswerRecord) => void;
}

/** One request on its way through the door. */
interface Visit {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: RequestHead;
}

/** Serves what routing.yml describes, as API Gateway does. */
export class FrontDoor {
  readonly #options: FrontDoorOptions;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
  }

  /** Answers a request in every case. @param id a UUID */
  serve(message: IncomingMessage, response: ServerResponse, id: string): void {
    const { clock, trusted } = this.#options;
    const visit = { message, response, head: toRequestHead(message, id, clock.epochMs(), trusted) };
    // Taken once: another one may hold as soon as anything is waited for.
    const table = this.#options.routes();
    try {
      this.#enter(visit, table);
    } catch (error) {
      this.#refuse(visit, unrouted(table), error);
    }
  }

  /** Answers a request that got as far as this with an error. */
  refuse(message: IncomingMessage, response: ServerResponse, id: string, error: unknown): void {
    const { clock, trusted } = this.#options;
    const head = toRequestHead(message, id, clock.epochMs(), trusted);
    this.#refuse({ message, response, head }, unrouted(this.#options.routes()), error);
  }

  #enter(visit: Visit, table: RoutingTable): void {
    const { message, response, head } = visit;
    const asked = toPreflight(message);
    const cors = asked && table.corsFor(asked.method, head.rawPath);
    if (asked !== undefined && cors !== undefined) {
      this.#answerPreflight(response, preflightHeaders(cors, asked));
      return;
    }
    const found = table.match(head.method, head.rawPath);
    if ("none" in found) {
      this.#refuse(visit, found.none, new ApiError("NO_ROUTE", "there is no such route"));
      // A route that answers preflights itself says OPTIONS; ANY does not mean them.
    } else if (asked !== undefined && found.match.route.methods === "ANY") {
      this.#answerPreflight(response, []);
    } else {
      void this.#follow(visit, found.match);
    }
  }

  /** Never rejects. */
  async #follow(visit: Visit, match: RouteMatch): Promise<void> {
    try {
      await this.#invoke(visit, match);
    } catch (error) {
      if (!(error instanceof ClientGone)) this.#refuse(visit, match.route, error, match);
    }
  }

  async #invoke({ message, response, head }: Visit, match: RouteMatch): Promise<void> {
    const { authorizer, admit, functions, pool, pending, api } = this.#options;
    const { route } = match;
    // Before anything is asked about tokens, so that nobody can guess, or have signatures checked, without end.
    admit({ kind: "address", address: head.sourceIp });
    if (route.payload === "2.0") checkHttpApiHead(head);
    const authorization = await authorizer.authorize(route.auth, (name) => single(head, name));
    if (authorization.kind === "api-key") admit({ kind: "key", keyId: authorization.keyId });
    const definition = functions.get(route.functionName);
    if (definition === undefined) throw new ApiError("INTEGRATION_REFUSED", "the function is not in functions.yml");
    const request: ApiRequest = { ...head, body: await readBody(message) };
    const event = toEvent(request, match, authorization, api);
    const reply = new ApiReply({
      response,
      writer: new AnswerWriter(response, head.id, route, message.headers.origin),
      clock: this.#options.clock,
      timeoutMs: route.timeoutMs,
      map: (bytes) => (route.payload === "2.0" ? toResponseV2(bytes, request) : toResponseV1(bytes, request, route)),
      onAnswer: (status, error) => this.#onAnswer(head.id, status, error, match),
    });
    // `using` would say the same as `finally` does; V8 does not compile it yet, which costs more than making the event.
    let pendingReply: Disposable | undefined;
    try {
      pendingReply = pending.enter(reply);
      const trace = traceId(request);
      await invoke(
        {
          id: head.id,
          call: { functionName: route.functionName, traceId: trace, caller: undefined, awaited: true },
          pool: pool(definition),
          headers: toWorkerHeaders(request.id, trace),
          event,
        },
        reply,
        this.#options,
      );
    } finally {
      pendingReply?.[Symbol.dispose]();
      reply[Symbol.dispose]();
    }
  }

  #refuse({ message, response, head }: Visit, style: AnswerStyle, cause: unknown, match?: RouteMatch): void {
    const error = toApiError(cause);
    const status = new AnswerWriter(response, head.id, style, message.headers.origin).error(error);
    this.#onAnswer(head.id, status, error, match);
  }

  #answerPreflight(response: ServerResponse, headers: string[]): void {
    response.writeHead(204, headers).end();
    this.#options.onAnswer({ route: "preflight", status: 204 });
  }

  #onAnswer(requestId: string, status: number, error: ApiError | undefined, match: RouteMatch | undefined): void {
    const route = match && nameOf(match.route);
    this.#options.onAnswer({ route, status });
    if (error === undefined || status < 500) return;
    this.#options.onFailure(`request answered ${status}`, {
      requestId,
      route,
      function: match?.route.functionName,
      error,
    });
  }
}

/** How an answer is told that concerns no route. */
function unrouted({ payload, cors }: RoutingTable): AnswerStyle {
  return { payload, cors };
}

/** As routing.yml has it. */
function nameOf({ methods, path }: Route): string {
  return `${typeof methods === "string" ? methods : methods.join(",")} ${path}`;
}

/** @throws ApiError REQUEST_TOO_LARGE: the limit of Lambda's events holds for what API Gateway makes of a request */
function toEvent(request: ApiRequest, match: RouteMatch, authorization: Authorization, api: ApiIdentity): Buffer {
  const make = match.route.payload === "2.0" ? toEventV2 : toEventV1;
  const event = make(request, match, authorization, api);
  if (event.length <= largestRequestBytes) return event;
  throw new ApiError("REQUEST_TOO_LARGE", `the event has ${event.length} bytes, Lambda takes ${largestRequestBytes}`);
}

function single({ headers }: RequestHead, name: string): string | undefined {
  const found = headersOf(headers, name);
  return found.length === 1 ? found[0] : undefined;
}

function toWorkerHeaders(requestId: string, trace: string): string[] {
  return [...["x-amzn-requestid", requestId], ...["content-type", "application/json"], ...["x-amzn-trace-id", trace]];
}
