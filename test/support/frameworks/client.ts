import { Agent, request as httpRequest } from "node:http";
import { buffer } from "node:stream/consumers";

export interface WireRequest {
  readonly method: string;
  /** As it goes over the wire, with its query. */
  readonly path: string;
  /** In order, with repeated names. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Buffer | undefined;
  /** Sends the body without its length. */
  readonly chunked?: boolean;
}

export interface WireAnswer {
  readonly status: number;
  /** In order, names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Sends requests byte for byte, over connections that are kept. */
export class WireClient implements Disposable {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  async send(port: number, { method, path, headers, body, chunked }: WireRequest): Promise<WireAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
    const length = body === undefined || chunked ? [] : ["content-length", String(body.length)];
    const message = httpRequest({
      host: "127.0.0.1",
      port,
      method,
      path,
      agent: this.#agent,
      headers: ["Host", "shop.example", ...headers.flat(), ...length],
    });
    message.on("error", reject);
    message.on("response", (response) => {
      const { statusCode: status = 0, rawHeaders } = response;
      const pairs = Array.from({ length: rawHeaders.length / 2 }, (_, index): [string, string] => [
        (rawHeaders[2 * index] ?? "").toLowerCase(),
        rawHeaders[2 * index + 1] ?? "",
      ]);
      buffer(response).then((bytes) => resolve({ status, headers: pairs, body: bytes }), reject);
    });
    if (chunked) message.write(body);
    message.end(chunked ? undefined : body);
    return promise;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
