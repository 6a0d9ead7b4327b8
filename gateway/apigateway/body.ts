import type { IncomingMessage } from "node:http";
import { ApiError } from "./errors.ts";

/** API Gateway's limit of a payload, in bytes (docs.aws.amazon.com/apigateway/latest/developerguide/limits.html). */
export const largestBodyBytes = 10 * 1024 * 1024;

const nothing = Buffer.alloc(0);

/** The client went before its request was whole; there is nobody to answer. */
export class ClientGone extends Error {
  override readonly name = "ClientGone";
}

/**
 * A request's body, as the bytes it is.
 * @throws ApiError REQUEST_TOO_LARGE, ClientGone
 */
export function readBody(message: IncomingMessage): Buffer | Promise<Buffer> {
  const announced = message.headers["content-length"];
  if (announced !== undefined && Number(announced) > largestBodyBytes) throw tooLarge();
  const hasNone = announced === undefined && message.headers["transfer-encoding"] === undefined;
  // HTTP/2 has bodies that nothing announces.
  if (announced === "0" || (hasNone && message.httpVersionMajor === 1)) return nothing;
  // Whoever went while we asked who they are says so no more.
  if (message.destroyed) throw clientGone();
  // What came in one piece with its head is taken at once: its events would be two turns of the event loop later.
  if (message.httpVersionMajor === 1 && message.readableLength === Number(announced)) {
    const whole: Buffer | null = message.read();
    // To its end, which it has yet to be told.
    message.resume();
    if (whole !== null) return whole;
  }
  return collect(message);
}

function collect(message: IncomingMessage): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let bytes = 0;
  message.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= largestBodyBytes) {
      chunks.push(chunk);
      return;
    }
    // The rest is read and forgotten, so that the client comes to read the answer.
    chunks.length = 0;
    reject(tooLarge());
  });
  const gone = () => reject(clientGone());
  message.once("error", gone);
  message.once("close", gone);
  message.once("end", () => {
    // Each request is closed in the end, and an error with its stack would be made for nothing.
    message.off("close", gone);
    const [first] = chunks;
    resolve(first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks));
  });
  return promise;
}

function clientGone(): ClientGone {
  return new ClientGone("the client has gone");
}

function tooLarge(): ApiError {
  return new ApiError("REQUEST_TOO_LARGE", `the body is larger than ${largestBodyBytes} bytes`);
}
