import type { ServerResponse } from "node:http";
import { type RefusalName, refusals } from "../model/refusals.ts";

/** Answers a worker with JSON; harmless when it has gone. */
export function replyJson(response: ServerResponse, status: number, value: object, headers: string[] = []): void {
  replyText(response, status, JSON.stringify(value), ["content-type", "application/json", ...headers]);
}

/** @param headers names and values in turn */
export function replyText(response: ServerResponse, status: number, text: string, headers: string[]): void {
  if (response.destroyed || response.headersSent) return;
  response.sendDate = false;
  response.writeHead(status, [...headers, "content-length", String(Buffer.byteLength(text))]);
  response.end(text);
}

const accepted = '{"status":"OK"}\n';
const acceptedHeaders = ["content-type", "application/json"];

/** AWS's 202 to whatever the runtime or an extension tells. */
export function accept(response: ServerResponse): void {
  replyText(response, 202, accepted, acceptedHeaders);
}

export function refuse(response: ServerResponse, name: RefusalName): void {
  const { status, errorType, errorMessage } = refusals[name];
  replyJson(response, status, { errorMessage, errorType });
}
