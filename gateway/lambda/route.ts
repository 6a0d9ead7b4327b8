import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { FunctionDefinition } from "../functions/definition.ts";
import type { PendingReply } from "../http/drain.ts";
import { LambdaError } from "../http/errors.ts";
import type { WorkerClient } from "../http/worker-client.ts";
import type { FunctionPool } from "../pool/function-pool.ts";
import { StreamReply } from "../streaming/stream-reply.ts";
import { admission, type CallerGate } from "./admission.ts";
import { BackgroundReply, invokeInBackground } from "./background.ts";
import { type Chains, isEndless } from "./chains.ts";
import type { EventQueue } from "./event-queue.ts";
import { arnOf, assertVersion, notFound, toFunctionReference } from "./function-name.ts";
import { type InvocationContext, type InvocationRequest, invoke } from "./invocation.ts";
import { LogTail, type WorkerReports } from "./log-tail.ts";
import { Reply } from "./reply.ts";
import {
  assertEventSize,
  assertNothingAbsent,
  type InvocationType,
  toClientContext,
  toEvent,
  toInvocationType,
  toLogType,
  toStreamedType,
  toWorkerHeaders,
} from "./request.ts";
import { TailReply } from "./tail-reply.ts";
import { invocationTraceId } from "./trace-id.ts";

/** What the route needs of functions.yml. */
export interface FunctionLookup {
  get(name: string): FunctionDefinition | undefined;
  /** Looks at the file again: a function may have been added just now. */
  refresh(): Promise<void>;
}

/** Keeps account of the answers that are still to come. */
export interface PendingReplies {
  /** @throws LambdaError when nobody is admitted any more */
  enter(reply: PendingReply): Disposable;
}

export interface InvokeRouteOptions extends InvocationContext {
  readonly pending: PendingReplies;
  readonly callers: CallerGate;
  readonly region: string;
  readonly functions: FunctionLookup;
  readonly pool: (definition: FunctionDefinition) => FunctionPool<WorkerClient>;
  readonly events: Pick<EventQueue, "add">;
  readonly reports: WorkerReports;
  readonly chains: Chains;
}

interface InvokeRoute {
  readonly Params: { readonly name: string };
  readonly Querystring: { readonly Qualifier?: string | string[] };
}

const prefix = "/2015-03-31/functions/";
const suffix = "/invocations";
/** The answer as it comes (docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html). */
const streamedPrefix = "/2021-11-15/functions/";
const streamedSuffix = "/response-streaming-invocations";

/** The older form of Event (docs.aws.amazon.com/lambda/latest/api/API_InvokeAsync.html). */
const asyncPrefix = "/2014-11-13/functions/";
const asyncSuffix = "/invoke-async";

type Incoming = FastifyRequest<InvokeRoute>;

/** Lambda's Invoke (docs.aws.amazon.com/lambda/latest/api/API_Invoke.html) and InvokeAsync. */
export function addInvokeRoute(app: FastifyInstance, options: InvokeRouteOptions): void {
  const gate = admission(app, options.callers);
  app.post<InvokeRoute>(`${prefix}:name${suffix}`, gate, (request, reply) =>
    serve(request, reply, toInvocationType(request.raw.headers["x-amz-invocation-type"]), options),
  );
  app.post<InvokeRoute>(`${streamedPrefix}:name${streamedSuffix}`, gate, (request, reply) =>
    serve(request, reply, toStreamedType(request.raw.headers["x-amz-invocation-type"]), options, true),
  );
  // The AWS CLI and the SDKs of old have a slash behind it.
  for (const slash of ["", "/"]) {
    app.post<InvokeRoute>(`${asyncPrefix}:name${asyncSuffix}${slash}`, gate, (request, reply) =>
      serve(request, reply, "Event", options),
    );
  }
}

/** @throws LambdaError that refuses the request */
async function serve(
  request: Incoming,
  fastifyReply: FastifyReply,
  type: InvocationType,
  options: InvokeRouteOptions,
  streamed = false,
): Promise<void> {
  const { id, raw } = request;
  const called = toFunctionReference(request.params.name, single(request.query.Qualifier), options.region);
  const { name } = called;
  const logType = toLogType(raw.headers["x-amz-log-type"]);
  const definition = options.functions.get(name) ?? (await refreshed(options.functions, name));
  if (definition === undefined) throw notFound(called, options.region);
  assertVersion(called, options.region);
  assertNothingAbsent(raw.headers);
  const clientContext = toClientContext(raw.headers["x-amz-client-context"]);
  const event = toEvent(request.body);
  if (type === "Event") assertEventSize(event);
  const caller = request.caller?.kind === "worker" ? options.chains.runningAt(request.caller.name) : undefined;
  if (isEndless(name, caller)) throw endless();
  const given = single(raw.headers["x-amzn-trace-id"]) ?? caller?.traceId;
  const traceId = invocationTraceId(given, id, options.clock.epochMs());
  const tail =
    logType === "Tail" ? new LogTail({ requestId: id, clock: options.clock, reports: options.reports }) : undefined;
  const plain = new Reply(fastifyReply.raw, id, traceId);
  const reply = streamed ? new StreamReply({ reply: plain, tail }) : plain;
  const contentType = raw.headers["content-type"];
  // Whoever serves the worker knows the one without.
  const functionArn = called.qualifier === undefined ? undefined : arnOf(called, options.region);
  const toRequest = (found: FunctionDefinition, context: string | undefined): InvocationRequest => ({
    id,
    call: { functionName: name, traceId, caller, awaited: type !== "Event" },
    pool: options.pool(found),
    headers: toWorkerHeaders(id, { contentType, clientContext: context, traceId, functionArn, streamed }),
    event,
  });
  if (type === "Event") {
    const bytes = event.length + traceId.length + (contentType?.length ?? 0);
    accept(definition, bytes, { id, functionName: name }, options, () => {
      const now = options.functions.get(name);
      if (now === undefined) throw notFound(called, options.region);
      // Lambda hands a client context on only where the client waits.
      return toRequest(now, undefined);
    });
    fastifyReply.hijack();
    plain.accepted();
    return;
  }
  // `using` would say the same as `finally` does; V8 does not compile it yet, which costs more than all of the above.
  const pending = options.pending.enter(reply);
  try {
    // From here on the answer is written to the socket itself: that saves a third of the time.
    fastifyReply.hijack();
    if (type === "DryRun") {
      plain.nothing();
    } else if (reply instanceof StreamReply || tail === undefined) {
      await invoke(toRequest(definition, clientContext), reply, options);
      if (reply instanceof StreamReply) await reply.finished;
    } else {
      const tailReply = new TailReply(reply, tail);
      await invoke(toRequest(definition, clientContext), tailReply, options);
      await tailReply.finished;
    }
  } finally {
    pending[Symbol.dispose]();
  }
}

/**
 * @param bytes what it keeps in memory while it waits
 * @throws LambdaError when there is no room for it, or nobody is admitted any more
 */
function accept(
  { concurrency }: FunctionDefinition,
  bytes: number,
  what: { readonly id: string; readonly functionName: string },
  options: InvokeRouteOptions,
  toRequest: () => InvocationRequest,
): void {
  const reply = new BackgroundReply(what, options);
  using stack = new DisposableStack();
  const pending = stack.use(options.pending.enter(reply));
  options.events.add(what.functionName, concurrency.max, bytes, async () => {
    using _pending = pending;
    await invokeInBackground(reply, toRequest, options);
  });
  stack.move();
}

function endless(): LambdaError {
  const message =
    "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your function's invocation.";
  return new LambdaError("RecursiveInvocationException", message);
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

async function refreshed(functions: FunctionLookup, name: string): Promise<FunctionDefinition | undefined> {
  await functions.refresh();
  return functions.get(name);
}

/** The function's name in an Invoke's path that the router cannot match, as a name with slashes; else undefined. */
export function unroutableName(method: string, url: string): string | undefined {
  const [path = ""] = url.split("?", 1);
  if (method !== "POST") return undefined;
  for (const [before, behind] of [
    [prefix, suffix],
    [streamedPrefix, streamedSuffix],
    [asyncPrefix, asyncSuffix],
  ] as const) {
    if (path.startsWith(before) && path.endsWith(behind)) return path.slice(before.length, -behind.length);
  }
  return undefined;
}
