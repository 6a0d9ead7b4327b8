import type { FastifyInstance } from "fastify";
import type { FunctionDefinition } from "../functions/definition.ts";
import type { WorkerClient } from "../http/worker-client.ts";
import type { FunctionPool } from "../pool/function-pool.ts";
import { admission, type CallerGate } from "./admission.ts";
import { notFound, toFunctionName } from "./function-name.ts";
import { type InvocationContext, invoke } from "./invocation.ts";
import { Reply } from "./reply.ts";
import { toEvent, toInvocationType, toWorkerHeaders } from "./request.ts";

/** What the route needs of functions.yml. */
export interface FunctionLookup {
  get(name: string): FunctionDefinition | undefined;
  /** Looks at the file again: a function may have been added just now. */
  refresh(): Promise<void>;
}

/** Keeps account of the answers that are still to come. */
export interface PendingReplies {
  /** @throws LambdaError when nobody is admitted any more */
  enter(reply: Reply): Disposable;
}

export interface InvokeRouteOptions extends InvocationContext {
  readonly pending: PendingReplies;
  readonly callers: CallerGate;
  readonly region: string;
  readonly functions: FunctionLookup;
  readonly pool: (definition: FunctionDefinition) => FunctionPool<WorkerClient>;
}

interface InvokeRoute {
  readonly Params: { readonly name: string };
  readonly Querystring: { readonly Qualifier?: string | string[] };
}

const prefix = "/2015-03-31/functions/";
const suffix = "/invocations";

/** Lambda's Invoke (docs.aws.amazon.com/lambda/latest/api/API_Invoke.html). */
export function addInvokeRoute(app: FastifyInstance, options: InvokeRouteOptions): void {
  app.post<InvokeRoute>(`${prefix}:name${suffix}`, admission(app, options.callers), async (request, fastifyReply) => {
    const { headers } = request.raw;
    const given = request.query.Qualifier;
    const name = toFunctionName(request.params.name, Array.isArray(given) ? given[0] : given, options.region);
    const type = toInvocationType(headers["x-amz-invocation-type"]);
    const definition = options.functions.get(name) ?? (await refreshed(options.functions, name));
    if (definition === undefined) throw notFound(name, options.region);
    const event = toEvent(request.body);
    const reply = new Reply(fastifyReply.raw, request.id);
    using _pending = options.pending.enter(reply);
    // From here on the answer is written to the socket itself: that saves a third of the time.
    fastifyReply.hijack();
    if (type === "DryRun") {
      reply.nothing();
      return;
    }
    await invoke(
      {
        id: request.id,
        functionName: name,
        pool: options.pool(definition),
        headers: toWorkerHeaders(headers, request.id),
        event,
      },
      reply,
      options,
    );
  });
}

async function refreshed(functions: FunctionLookup, name: string): Promise<FunctionDefinition | undefined> {
  await functions.refresh();
  return functions.get(name);
}

/** The function's name in an Invoke's path that the router cannot match, as a name with slashes; else undefined. */
export function unroutableName(method: string, url: string): string | undefined {
  const [path = ""] = url.split("?", 1);
  if (method !== "POST" || !path.startsWith(prefix) || !path.endsWith(suffix)) return undefined;
  return path.slice(prefix.length, -suffix.length);
}
