import { once } from "node:events";
import { Agent, type ClientRequest, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Stack } from "../support/docker/stack.ts";

/** How one request ended: its status, what a function that failed has told, or why there was no answer. */
export interface Outcome {
  readonly status: number | string;
  /** From the connection's begin to the answer's end. */
  readonly ms: number;
}

/** Clients as there are: who keeps a connection, who is seldom heard on it, and who makes one for each request. */
const clients = [
  { keepAlive: true, pauseMs: 50 },
  { keepAlive: true, pauseMs: 900 },
  { keepAlive: false, pauseMs: 50 },
];
/** Nobody waits longer; it is no answer. */
const timeoutMs = 60_000;

/** Sends requests, each client one after the other, until it is disposed of. */
export function startLoad(stack: Stack): { readonly outcomes: readonly Outcome[] } & AsyncDisposable {
  const outcomes: Outcome[] = [];
  const ending = new AbortController();
  const running = clients.map(async ({ keepAlive, pauseMs }) => {
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    while (!ending.signal.aborted) {
      outcomes.push(await one(stack, agent));
      await delay(pauseMs);
    }
    agent.destroy();
  });
  return {
    outcomes,
    async [Symbol.asyncDispose]() {
      ending.abort();
      await Promise.all(running);
    },
  };
}

async function one(stack: Stack, agent: Agent): Promise<Outcome> {
  const begin = performance.now();
  const { url, headers, body } = stack.request;
  const sent = request(url, { method: "POST", headers, agent, signal: AbortSignal.timeout(timeoutMs) });
  const status = await statusOf(sent.end(body)).catch((error) => String(error.code ?? error));
  return { status, ms: performance.now() - begin };
}

async function statusOf(sent: ClientRequest): Promise<number | string> {
  const [response] = await once(sent, "response");
  let body = "";
  for await (const chunk of response) body += chunk;
  // The function has failed: Invoke's own status says nothing of it.
  return response.headers["x-amz-function-error"] === undefined ? response.statusCode : body;
}

/** How often each status was there. */
export function tally(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** What the client that waited longest waited, in ms. */
export function longestMs(outcomes: readonly Outcome[]): number {
  return Math.round(Math.max(...outcomes.map(({ ms }) => ms)));
}
