import type { ServerResponse } from "node:http";
import { extensionsWorkHeader, undeliveredHeader } from "../../../common/invocation-headers.ts";
import type { Caller, ResponseStream } from "../invocation.ts";

/** The gateway, over the request in which it sent an invocation. */
export class HttpCaller implements Caller {
  readonly wantsStream: boolean;
  readonly #response: ServerResponse;
  readonly #extensionsWork: () => boolean;
  #stream: ResponseStream | undefined;

  /** @param extensionsWork whether the worker takes no other invocation yet for what its extensions do */
  constructor(response: ServerResponse, wantsStream: boolean, extensionsWork: () => boolean) {
    this.wantsStream = wantsStream;
    this.#response = response;
    this.#extensionsWork = extensionsWork;
    response.sendDate = false;
  }

  answer(payload: readonly Buffer[], contentType: string): void {
    this.#sendResult(["content-type", contentType], payload);
  }

  fail(payload: readonly Buffer[], contentType: string): void {
    if (this.#stream !== undefined) {
      this.#stream.fail("Runtime.ExitError", Buffer.concat(payload));
      return;
    }
    this.#sendResult(["content-type", contentType, "x-amz-function-error", "Unhandled"], payload);
  }

  stream(contentType: string): ResponseStream {
    const response = this.#response;
    response.on("error", () => undefined);
    if (!response.destroyed) {
      response.writeHead(200, [
        ...(this.#extensionsWork() ? [extensionsWorkHeader, "1"] : []),
        "content-type",
        contentType,
        "lambda-runtime-function-response-mode",
        "streaming",
        "trailer",
        "lambda-runtime-function-error-type, lambda-runtime-function-error-body",
      ]);
      response.flushHeaders();
    }
    const stream: ResponseStream = {
      body: response,
      end: () => response.end(),
      fail(errorType, payload) {
        if (response.writableEnded || response.destroyed) return;
        response.addTrailers([
          ["lambda-runtime-function-error-type", errorType],
          ["lambda-runtime-function-error-body", payload.toString("base64")],
        ]);
        response.end();
      },
    };
    this.#stream = stream;
    return stream;
  }

  turnAway(because: "busy" | "gone"): void {
    const [status, errorType, errorMessage] = refusals[because];
    const payload = Buffer.from(JSON.stringify({ errorMessage, errorType }));
    const headers = ["content-type", "application/json", "connection", "close", undeliveredHeader, because];
    this.#send(status, headers, [payload]);
  }

  cut(): void {
    this.#response.destroy();
  }

  #sendResult(headers: string[], payload: readonly Buffer[]): void {
    if (this.#extensionsWork()) headers.push(extensionsWorkHeader, "1");
    this.#send(200, headers, payload);
  }

  #send(status: number, headers: string[], payload: readonly Buffer[]): void {
    const response = this.#response;
    if (response.destroyed || response.headersSent) return;
    writeWhole(response, status, headers, payload);
  }
}

const refusals = {
  busy: [429, "TooManyRequestsException", "The worker has an invocation already and another one waits"],
  gone: [410, "Gone", "The worker takes no invocations any more; it never got this one"],
} as const;

/** Head and body in one go, without copying the body. */
export function writeWhole(
  response: ServerResponse,
  status: number,
  headers: string[],
  payload: readonly Buffer[],
): void {
  let bytes = 0;
  for (const part of payload) bytes += part.length;
  headers.push("content-length", String(bytes));
  response.writeHead(status, headers);
  const last = payload.length - 1;
  for (let index = 0; index < last; index++) response.write(payload[index]);
  response.end(payload[last]);
}
