import type { Invocation } from "./invocation.ts";

/** https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html, Next. */
export function invokeEvent(invocation: Invocation): object {
  return {
    eventType: "INVOKE",
    deadlineMs: invocation.deadlineMs,
    requestId: invocation.requestId,
    invokedFunctionArn: invocation.functionArn,
    tracing: { type: "X-Amzn-Trace-Id", value: invocation.traceId ?? "" },
  };
}
