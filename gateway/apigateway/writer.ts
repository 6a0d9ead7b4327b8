import type { ServerResponse } from "node:http";
import type { Cors, PayloadFormat } from "../routing/definition.ts";
import { answerHeaders, withoutCors } from "./cors.ts";
import type { ApiError } from "./errors.ts";
import { extendedRequestId } from "./event-ids.ts";
import type { ApiResponse } from "./response.ts";

/** In which API's words a client is answered, and what browsers are told with it. */
export interface AnswerStyle {
  readonly payload: PayloadFormat;
  readonly cors: Cors | undefined;
  /** It is a function URL's, not API Gateway's: what it says of the request's trace. */
  readonly functionUrl?: { readonly traceId: string };
}

/** Writes an API's answers to one request; to a client that has gone they are lost. */
export class AnswerWriter {
  readonly #response: ServerResponse;
  readonly #requestId: string;
  readonly #style: AnswerStyle;
  readonly #corsHeaders: readonly string[];

  /** @param origin the request's Origin; undefined: it has none */
  constructor(response: ServerResponse, requestId: string, style: AnswerStyle, origin: string | undefined) {
    this.#response = response;
    this.#requestId = requestId;
    this.#style = style;
    this.#corsHeaders = style.cors === undefined ? [] : answerHeaders(style.cors, origin);
  }

  /**
   * A function's answer. @param more headers of our own beside it, names and values in turn
   * @throws TypeError or RangeError when it cannot be said in HTTP; nothing is written then
   */
  response({ status, headers, body }: ApiResponse, more: readonly string[]): void {
    const theirs = this.#style.cors === undefined ? headers : withoutCors(headers);
    this.#write(status, [...theirs, ...this.#common(), ...more], body);
  }

  /**
   * Begins a function's answer whose body comes in pieces.
   * @throws TypeError or RangeError when it cannot be said in HTTP; nothing is written then
   */
  begin({ status, headers }: Omit<ApiResponse, "body">, more: readonly string[]): void {
    const theirs = this.#style.cors === undefined ? headers : withoutCors(headers);
    this.#response.writeHead(status, [...theirs, ...this.#common(), ...more]);
  }

  /** An error of API Gateway's own. @returns its status */
  error(error: ApiError): number {
    const { payload, functionUrl } = this.#style;
    const told = functionUrl === undefined ? toApiAnswer(error, payload) : error.url;
    const body = Buffer.from(told.body);
    const headers = [...this.#common(), "content-type", told.contentType, "content-length", String(body.length)];
    if (told.type !== undefined) headers.push("x-amzn-errortype", told.type);
    if (error.retryAfterSeconds !== undefined) headers.push("retry-after", String(error.retryAfterSeconds));
    this.#write(told.status, headers, body);
    return told.status;
  }

  #common(): string[] {
    const { payload, functionUrl } = this.#style;
    const ids =
      functionUrl === undefined
        ? idHeaders(payload, this.#requestId)
        : ["x-amzn-requestid", this.#requestId, "x-amzn-trace-id", functionUrl.traceId];
    return [...ids, ...this.#corsHeaders];
  }

  #write(status: number, headers: string[], body: Buffer): void {
    if (this.#response.headersSent) return;
    this.#response.writeHead(status, headers).end(body);
  }
}

/** Only REST APIs name an error in a header. */
function toApiAnswer(error: ApiError, payload: PayloadFormat) {
  const type = payload === "1.0" ? error.type : undefined;
  return { status: error.status(payload), type, contentType: "application/json", body: error.body(payload) };
}

/** The headers in which the two kinds of API tell a request's id, as the function's event has it too. */
function idHeaders(payload: PayloadFormat, requestId: string): string[] {
  if (payload === "2.0") return ["apigw-requestid", requestId];
  return ["x-amzn-requestid", requestId, "x-amz-apigw-id", extendedRequestId(requestId)];
}
