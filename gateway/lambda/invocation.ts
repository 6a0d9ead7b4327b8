import { deadlineHeader } from "../../common/invocation-headers.ts";
import { LambdaError, toLambdaError } from "../http/errors.ts";
import type { InvocationOutcome, InvocationRecord } from "../http/metrics.ts";
import type { WorkerClient } from "../http/worker-client.ts";
import type { RemovalReason } from "../pool/agent.ts";
import type { Clock } from "../pool/clock.ts";
import type { FunctionPool } from "../pool/function-pool.ts";
import type { Lease, LeaseOutcome } from "../pool/lease.ts";
import { mayResend } from "../pool/policy.ts";
import { exited, timedOut, tooLarge } from "./answer.ts";
import type { Call, Chains } from "./chains.ts";
import { Exchange, type ExchangeResult } from "./exchange.ts";
import { untilExtensionsRest } from "./extensions-rest.ts";
import { initFailureOf } from "./init-failure.ts";
import { type InvocationReply, outcomeOf } from "./invocation-reply.ts";

/** A worker whose end the agent tells of may have answered just before: what is on its way has this long. */
const lastWordsMs = 200;
/** Workers that a request may meet which turn out not to be there any more. */
const mostResends = 2;

/** What the log tells of a request that came to nothing. */
export interface FailureFields {
  readonly requestId: string;
  readonly worker?: string;
  readonly route?: string | undefined;
  readonly function?: string | undefined;
  readonly error: unknown;
}

export interface InvocationContext {
  readonly clock: Clock;
  readonly chains: Pick<Chains, "begin" | "wait">;
  /** Whether an error of the agent says that the worker does not exist. */
  readonly isGone: (error: unknown) => boolean;
  /** Whether it says that the agent or its containerd is away. */
  readonly isAway: (error: unknown) => boolean;
  readonly onInvocation: (record: InvocationRecord) => void;
  readonly onFailure: (what: string, fields: FailureFields) => void;
  /** Told when a worker is given a request. @returns what to call when the worker's part is over */
  readonly requests: { begin(instanceId: string, requestId: string): () => void };
}

export interface InvocationRequest {
  readonly id: string;
  readonly call: Call;
  readonly pool: Pick<FunctionPool<WorkerClient>, "tryLease" | "wait">;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly event: Buffer;
}

/** How a try with one worker ended; `resend`: as if it had not been. */
type TryResult = InvocationOutcome | "resend";

/** Serves one synchronous invocation: a worker, the request, the answer. Answers in every case, and never rejects. */
export async function invoke(
  request: InvocationRequest,
  reply: InvocationReply,
  context: InvocationContext,
): Promise<void> {
  const beganMs = context.clock.now();
  let start: string | undefined;
  let outcome: InvocationRecord["outcome"] = "refused";
  try {
    for (let resends = 0; ; resends++) {
      const lease =
        (resends === 0 ? request.pool.tryLease() : undefined) ??
        (await waitForLease(request, reply, context, resends > 0));
      start = lease.start;
      const result = await tryOnce(request, lease, reply, context, resends < mostResends);
      if (result === "resend") continue;
      outcome = result;
      break;
    }
  } catch (error) {
    const failure = initFailureOf(error, request.id);
    if (failure !== undefined) {
      outcome = "function_error";
      reply.functionError(failure, undefined);
    } else {
      const told = toLambdaError(error);
      if (told.status === 500) context.onFailure("invocation failed", { requestId: request.id, error });
      reply.error(told);
    }
  }
  context.onInvocation({
    function: request.call.functionName,
    outcome,
    start,
    durationMs: context.clock.now() - beganMs,
  });
}

async function waitForLease(
  request: InvocationRequest,
  reply: InvocationReply,
  { chains }: InvocationContext,
  again: boolean,
): Promise<Lease<WorkerClient>> {
  const waiting = request.pool.wait({ again, bytes: request.event.length });
  const stopListening = reply.onGone(() => waiting.leave());
  const stopWatching = chains.wait(request.call, () => waiting.leave(stuck()));
  try {
    return await waiting.turn;
  } finally {
    stopWatching();
    stopListening();
  }
}

function stuck(): LambdaError {
  const why = "every worker that could take this call waits for calls like it to be answered";
  const options = { retryAfterSeconds: 1, reason: "ReservedFunctionConcurrentInvocationLimitExceeded" } as const;
  return new LambdaError("TooManyRequestsException", `Rate Exceeded: ${why}`, options);
}

function tryOnce(
  request: InvocationRequest,
  lease: Lease<WorkerClient>,
  reply: InvocationReply,
  context: InvocationContext,
  canResend: boolean,
): Promise<TryResult> {
  const { promise, resolve } = Promise.withResolvers<TryResult>();
  let removal: RemovalReason | undefined;
  let thawError: unknown;
  let sent = false;
  const ended = context.requests.begin(lease.worker.instanceId, request.id);
  const endCall = context.chains.begin(lease.worker.id, request.call);
  const exchange = new Exchange({
    clock: context.clock,
    timeoutMs: lease.definition.timeoutMs,
    runs: lease.thaw?.done,
    streamed: reply.streamed,
    onStream: (head, bytes) => reply.begin(head, bytes, lease),
    onResult: (result) => {
      ended();
      const over = sent ? reply.onOver?.(lease) : undefined;
      if (over === undefined) onEnd(result);
      else void over.then(() => onEnd(result));
    },
  });
  const onEnd = (result: ExchangeResult) => {
    endCall();
    // Released first, so that the next request is on its way before this answer is written.
    const lingers = exchange.extensionsWork && lease.worker.runtimeApi === true;
    if (lingers && isAnswered(result)) void releaseRested(request.id, lease, exchange, context);
    else lease.release(outcomeFor(result, sent, thawError, context));
    if (result.kind === "failed" && canResend && isUnread(result, lease, thawError, context)) resolve("resend");
    else resolve(respond(request, lease, reply, result, { removal, thawError, context }));
  };
  lease.onRemoved((reason) => {
    removal = reason;
    context.clock.after(lastWordsMs, () => exchange.fail(new Error("the worker has ended")));
  });
  lease.thaw?.done.catch((error: unknown) => {
    if (exchange.settled) return;
    thawError = error;
    exchange.fail(new Error("the worker could not be thawed"));
  });
  const send = () => {
    if (exchange.settled) return;
    sent = true;
    reply.onHandedOn();
    lease.connection.send(headersFor(request, lease, exchange, context), request.event, exchange);
  };
  // A deadline that is told to a frozen runtime would be one that counts from before its thaw.
  if (lease.thaw !== undefined && lease.worker.runtimeApi === true) lease.thaw.done.then(send, () => undefined);
  else send();
  return promise;
}

/** The runtime is told when we give up; whoever takes invocations itself has its own ways. */
function headersFor(
  { headers }: InvocationRequest,
  { worker }: Lease<WorkerClient>,
  { remainingMs }: Exchange,
  { clock }: InvocationContext,
): string[] {
  if (worker.runtimeApi !== true) return headers;
  return [...headers, deadlineHeader, String(Math.round(clock.epochMs() + remainingMs))];
}

async function releaseRested(
  requestId: string,
  lease: Lease<WorkerClient>,
  { remainingMs }: Exchange,
  { clock, onFailure }: InvocationContext,
): Promise<void> {
  const onLate = () => {
    const error = new Error("they had not finished when the function's time was over");
    onFailure("extensions of a worker that had answered took too long", { requestId, worker: lease.worker.id, error });
  };
  lease.release(await untilExtensionsRest(lease, remainingMs, clock, onLate));
}

function isAnswered({ kind }: ExchangeResult): boolean {
  return kind !== "timed-out" && kind !== "failed";
}

function outcomeFor(
  result: ExchangeResult,
  sent: boolean,
  thawError: unknown,
  { isGone, isAway }: InvocationContext,
): LeaseOutcome {
  if (isAnswered(result)) return "done";
  if (thawError === undefined) return "broken";
  if (isGone(thawError)) return "gone";
  // A worker that has the request in its socket must never come to read it.
  return !sent && isAway(thawError) ? "frozen" : "broken";
}

function isUnread(
  result: ExchangeResult & { kind: "failed" },
  lease: Lease<WorkerClient>,
  thawError: unknown,
  { isGone }: InvocationContext,
): boolean {
  if (thawError !== undefined && !isGone(thawError)) return false;
  const frozenThroughout = lease.thaw?.wasFrozen === true && thawError !== undefined;
  return mayResend({ written: result.written, frozenThroughout, answered: result.begun });
}

function respond(
  request: InvocationRequest,
  lease: Lease<WorkerClient>,
  reply: InvocationReply,
  result: ExchangeResult,
  failure: { removal: RemovalReason | undefined; thawError: unknown; context: InvocationContext },
): TryResult {
  switch (result.kind) {
    case "answered":
      return reply.answer(result.head, result.body, lease);
    case "streamed":
      return outcomeOf(result.head);
    case "broken-off":
      reply.functionError(result.error, lease);
      return "function_error";
    case "too-large":
      reply.functionError(tooLarge, lease);
      return "function_error";
    case "timed-out":
      reply.functionError(timedOut(request.id, lease.definition.timeoutMs), lease);
      return "function_error";
    case "failed": {
      const { removal, thawError, context } = failure;
      const error = thawError ?? result.error;
      context.onFailure("worker failed", { requestId: request.id, worker: lease.worker.id, error });
      if (thawError !== undefined && !context.isGone(thawError)) reply.error(toLambdaError(thawError), lease);
      else if (thawError !== undefined || !result.written) reply.error(lost(result.error), lease);
      else reply.functionError(exited(request.id, removal === "out-of-memory" ? "signal: killed" : undefined), lease);
      return result.written && thawError === undefined ? "function_error" : "refused";
    }
  }
}

function lost(cause: Error): LambdaError {
  return new LambdaError("ServiceException", "The function's worker was lost before it could answer", {
    status: 502,
    cause,
  });
}
