import type { ServerResponse } from "node:http";
import { Writable } from "node:stream";
import type { LambdaError } from "../http/errors.ts";
import type { InvocationOutcome } from "../http/metrics.ts";
import { phaseNames, type StartPhases } from "../pool/agent.ts";
import type { AnswerHead, FunctionError } from "./answer.ts";
import { type InvocationReply, outcomeOf, type Served } from "./invocation-reply.ts";

/** Header of Lambda's API for the id of a request. */
const requestIdHeader = "x-amzn-requestid";

/** Writes the answers of Lambda's API to a client; to one that has gone they are lost. */
export class Reply implements InvocationReply {
  readonly #response: ServerResponse;
  readonly #requestId: string;
  readonly #traceId: string | undefined;
  #handedOn = false;
  #givenUp = false;

  /** @param traceId that the function gets too; absent where no function is meant */
  constructor(response: ServerResponse, requestId: string, traceId?: string) {
    this.#response = response;
    this.#requestId = requestId;
    this.#traceId = traceId;
  }

  onGone(callback: () => void): () => void {
    if (this.#response.closed) callback();
    else this.#response.once("close", callback);
    return () => this.#response.off("close", callback);
  }

  /** Whether a worker may have read the request. */
  get handedOn(): boolean {
    return this.#handedOn;
  }

  onHandedOn(): void {
    this.#handedOn = true;
  }

  /** The client is told to send no further request on this connection, unless the answer has been begun. */
  closeAfter(): void {
    this.#response.shouldKeepAlive = false;
  }

  /** Ends with an error in place of the answer, or cuts one that has been begun; what comes later goes nowhere. */
  giveUp(error: LambdaError): void {
    if (!this.#response.writableEnded) this.error(error);
    this.#givenUp = true;
  }

  answer(head: AnswerHead, body: Buffer, served: Served): InvocationOutcome {
    this.begin(head, body.length, served).end(body);
    return outcomeOf(head);
  }

  begin(head: AnswerHead, bytes: number | undefined, served: Served): Writable {
    return this.#begin(head, bytes, served);
  }

  #begin(head: AnswerHead, bytes: number | undefined, served: Served | undefined): Writable {
    if (this.#givenUp) return new Writable({ write: (_chunk, _encoding, done) => done() });
    const headers = [
      ...(served === undefined ? this.#ids() : this.#common(served)),
      "content-type",
      head.contentType,
      "x-amz-executed-version",
      "$LATEST",
    ];
    if (bytes !== undefined) headers.push("content-length", String(bytes));
    if (head.contentEncoding !== undefined) headers.push("content-encoding", head.contentEncoding);
    if (head.functionError !== undefined) headers.push("x-amz-function-error", head.functionError);
    if (head.logResult !== undefined) headers.push("x-amz-log-result", head.logResult);
    return this.#response.writeHead(200, headers);
  }

  /** The function has failed: the Invoke itself has not, so the status is 200. */
  functionError(error: FunctionError, served: Served | undefined, logResult?: string): void {
    if (this.#begun) {
      this.#cut();
      return;
    }
    const head = {
      contentType: "application/json",
      contentEncoding: undefined,
      functionError: "Unhandled",
      logResult,
    };
    const body = Buffer.from(JSON.stringify(error));
    this.#begin(head, body.length, served).end(body);
  }

  /** Begins an answer whose length nobody knows yet. @returns where it goes; undefined: it has ended already */
  open(contentType: string, served: Served | undefined): ServerResponse | undefined {
    if (this.#givenUp) return undefined;
    const headers = served === undefined ? this.#ids() : this.#common(served);
    headers.push("content-type", contentType, "x-amz-executed-version", "$LATEST");
    return this.#response.writeHead(200, headers);
  }

  /** For DryRun: it could be invoked. */
  nothing(): void {
    this.#response.writeHead(204, this.#ids()).end();
  }

  /** For Event: it will be invoked. */
  accepted(): void {
    this.#response.writeHead(202, [...this.#ids(), "content-length", "0"]).end();
  }

  error(error: LambdaError, served?: Served): void {
    if (this.#begun) {
      this.#cut();
      return;
    }
    if (this.#givenUp) return;
    const body = Buffer.from(error.body());
    const headers = served === undefined ? this.#ids() : this.#common(served);
    headers.push("content-type", "application/json", "content-length", String(body.length));
    headers.push("x-amzn-errortype", error.name);
    if (error.retryAfterSeconds !== undefined) headers.push("retry-after", String(error.retryAfterSeconds));
    this.#response.writeHead(error.status, headers).end(body);
  }

  /** After which only the rest of an answer can come. */
  get #begun(): boolean {
    return this.#response.headersSent;
  }

  /** Breaks off an answer that cannot be finished, so that the client does not take it for whole. */
  #cut(): void {
    if (!this.#givenUp) this.#response.destroy();
  }

  #ids(): string[] {
    const headers = [requestIdHeader, this.#requestId];
    if (this.#traceId !== undefined) headers.push("x-amzn-trace-id", this.#traceId);
    return headers;
  }

  #common({ worker, start, phases }: Served): string[] {
    const headers = [...this.#ids(), "x-esb-start", start, "x-esb-worker", worker.id];
    if (phases !== undefined) headers.push("server-timing", serverTiming(phases));
    return headers;
  }
}

/** The phases of a cold start as browsers and curl show them (W3C Server Timing). */
export function serverTiming(phases: StartPhases): string {
  return [...phaseNames, "total" as const].map((name) => `${name};dur=${Number(phases[name].toFixed(2))}`).join(", ");
}
