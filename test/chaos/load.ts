import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { FunctionsFile } from "./functions.ts";
import type { Journal } from "./journal.ts";
import type { PlannedRequest } from "./plan.ts";
import { type Ending, judge } from "./verdict.ts";

/** Longest time for an answer: waiting for a worker, then the function's own time, then one more outage. */
const answerWithinMs = 60_000;

export interface LoadOptions {
  readonly url: string;
  readonly requests: Iterable<PlannedRequest>;
  readonly journal: Journal;
  readonly file: FunctionsFile;
  /** Told of everything that ended, with its latency. */
  readonly onEnd: (kind: string, latencyMs: number) => void;
  readonly signal: AbortSignal;
}

/** Sends each request at its moment, whatever became of those before; ends when the last one has ended. */
export async function runLoad(options: LoadOptions): Promise<void> {
  // Few are kept open behind a burst: the gateway's open files are judged, and each would be one.
  // And fewer at all than the gateway lets one address have.
  const agent = new Agent({ keepAlive: true, maxSockets: 900, maxFreeSockets: 16 });
  const running = new Set<Promise<void>>();
  const { now } = options.journal;
  const beganMs = now();
  for (const request of options.requests) {
    const waitMs = beganMs + request.atMs - now();
    if (waitMs > 0) await delay(waitMs);
    if (options.signal.aborted) break;
    const one: Promise<void> = serve(request, agent, options).finally(() => running.delete(one));
    running.add(one);
  }
  await Promise.all(running);
  agent.destroy();
}

async function serve(request: PlannedRequest, agent: Agent, options: LoadOptions): Promise<void> {
  const { journal, file } = options;
  const fromMs = journal.now();
  const ending = await send(options.url, request, agent);
  const { kind, violation } = judge(request, ending, journal.circumstances(request, fromMs, file));
  const latencyMs = journal.now() - fromMs;
  options.onEnd(kind, latencyMs);
  if (violation !== undefined) {
    journal.violate(`${request.function} ${request.event.nonce}, after ${Math.round(latencyMs)} ms: ${violation}`);
  } else if (!kind.startsWith("ok")) {
    journal.note(
      `${request.function} ${request.event.nonce}: ${kind} after ${Math.round(latencyMs)} ms${toldBy(ending)}`,
    );
  }
}

function toldBy(ending: Ending): string {
  return ending.kind === "answer"
    ? `, ${ending.headers["x-esb-start"] ?? "no start"}, ${ending.headers["x-esb-worker"] ?? "no worker"}: ${ending.body.slice(0, 200)}`
    : "";
}

/** One Invoke, as any client sends it. */
export function send(
  url: string,
  { function: name, event, leaveAfterMs }: Pick<PlannedRequest, "function" | "event" | "leaveAfterMs">,
  agent: Agent,
): Promise<Ending> {
  const { promise, resolve } = Promise.withResolvers<Ending>();
  let worker: string | undefined;
  const request = httpRequest(`${url}/2015-03-31/functions/${name}/invocations`, { method: "POST", agent });
  const end = (ending: Ending) => {
    clearTimeout(overdue);
    clearTimeout(leaving);
    resolve(ending);
  };
  const giveUp = (ending: Ending) => {
    end(ending);
    request.destroy();
  };
  let overdue: NodeJS.Timeout | undefined;
  // Until then it waits for one of the client's own connections.
  request.once("socket", () => {
    overdue = setTimeout(() => giveUp({ kind: "no answer", afterMs: answerWithinMs }), answerWithinMs);
  });
  const leaving = leaveAfterMs === undefined ? undefined : setTimeout(() => giveUp({ kind: "left" }), leaveAfterMs);
  const broke = (error: Error & { code?: string }) => end({ kind: "broken", why: error.code ?? error.message, worker });
  request.on("error", broke);
  request.on("response", (response: IncomingMessage) => {
    const named = response.headers["x-esb-worker"];
    worker = Array.isArray(named) ? named[0] : named;
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", broke);
    response.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      end({ kind: "answer", status: response.statusCode ?? 0, headers: response.headers, body });
    });
  });
  request.end(JSON.stringify(event));
  return promise;
}
