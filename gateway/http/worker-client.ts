import { Client, type Dispatcher } from "undici";
import { quietPath } from "../../common/invocation-headers.ts";
import type { WorkerInfo } from "../pool/agent.ts";
import type { WorkerConnection } from "../pool/lease.ts";

/** Where a worker takes invocations: the path of Lambda's runtime interface emulator. */
export const invocationPath = "/2015-03-31/functions/function/invocations";

const connectWithinMs = 5000;
/** A streamed answer's error comes in its trailers, with a stack trace of up to 1 MB as AWS's runtime clients send it. */
const mostHeaderBytes = 1_536 * 1024;

/** One keep-alive connection to one worker, made when it is needed. */
export class WorkerClient implements WorkerConnection {
  readonly #origin: string;
  #client: Client | undefined;
  #closed = false;

  constructor({ host, port }: Pick<WorkerInfo, "host" | "port">) {
    this.#origin = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  }

  /** Sends an invocation; the handler hears of everything else, failures included. */
  send(headers: string[], body: Buffer, handler: Dispatcher.DispatchHandler): void {
    if (this.#closed) {
      // The worker was let go between lease and send; nothing has been written.
      queueMicrotask(() => handler.onResponseError?.(closedController, new Error("the worker has gone")));
      return;
    }
    this.#client ??= this.#open();
    this.#client.dispatch({ method: "POST", path: invocationPath, headers, body, idempotent: false }, handler);
  }

  /**
   * Waits until the worker takes an invocation at once; false: it never will.
   * @throws Error once the connection has gone
   */
  async untilQuiet(): Promise<boolean> {
    if (this.#closed) return false;
    this.#client ??= this.#open();
    const { statusCode, body } = await this.#client.request({ method: "GET", path: quietPath });
    await body.dump();
    return statusCode === 204;
  }

  drop(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.destroy().catch(() => undefined);
  }

  close(): void {
    this.#closed = true;
    this.drop();
  }

  #open(): Client {
    return new Client(this.#origin, {
      // The function's own timeout holds, see Exchange.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxHeaderSize: mostHeaderBytes,
      connect: { timeout: connectWithinMs },
      allowH2: false,
      pipelining: 1,
    });
  }
}

/** Stands in for a request that was never begun. */
const closedController: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  rawHeaders: null,
  rawTrailers: null,
  abort: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
};
