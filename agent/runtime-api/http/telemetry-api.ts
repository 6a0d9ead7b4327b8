import type { IncomingMessage, ServerResponse } from "node:http";
import type { WorkerSession } from "../session.ts";
import type { TelemetryFormat } from "../telemetry/item.ts";
import type { Subscription } from "../telemetry/subscription.ts";
import { parseSubscription } from "../telemetry/subscription.ts";
import { collect, joined } from "./body.ts";
import { identified, parse } from "./extension-api.ts";
import { refuse, replyJson, replyText } from "./reply.ts";

const mostBodyBytes = 64 * 1024;

/** Which API a path is of; the slash behind it is AWS's own way of writing it. */
export function telemetryFormat(url: string): TelemetryFormat | undefined {
  if (url === "/2022-07-01/telemetry" || url === "/2022-07-01/telemetry/") return "telemetry";
  return url === "/2020-08-15/logs" || url === "/2020-08-15/logs/" ? "logs" : undefined;
}

/** @param subscribe says whether there was room */
export function onTelemetryRequest(
  session: WorkerSession,
  subscribe: (extension: string, subscription: Subscription) => boolean,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  collect(request, mostBodyBytes, (body) => {
    if (body.kind === "lost") return;
    if (request.method !== "PUT") return refuse(response, "notFound");
    if (body.kind === "too-large") return refuse(response, "bodyTooLarge");
    const identifier = identified(session, request, response);
    if (identifier === undefined) return;
    if (!session.initializing) return refuse(response, "subscriptionClosed");
    const subscription = parseSubscription(parse(joined(body.parts)));
    if (typeof subscription === "string") {
      return replyJson(response, 400, { errorMessage: subscription, errorType: "ValidationError" });
    }
    if (!subscribe(session.nameOf(identifier), subscription)) return refuse(response, "tooManyExtensions");
    replyText(response, 200, "OK", ["content-type", "text/plain"]);
  });
}
