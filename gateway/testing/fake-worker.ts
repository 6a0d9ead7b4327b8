import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { listening } from "./listen.ts";

export type WorkerHandler = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** A worker's HTTP side: a real server whose handler a test writes. A frozen one reads nothing until it thaws. */
export class FakeWorker implements AsyncDisposable {
  readonly #server: Server;
  readonly port: number;
  readonly received: { headers: IncomingMessage["headers"]; body: string }[] = [];
  connections = 0;
  #thawed: PromiseWithResolvers<void> | undefined;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(handler: WorkerHandler): Promise<FakeWorker> {
    const server = createServer();
    const worker = new FakeWorker(server, await listening(server));
    server.on("connection", () => worker.connections++);
    server.on("request", (request, response) => void worker.#serve(request, response, handler));
    return worker;
  }

  freeze(): void {
    this.#thawed ??= Promise.withResolvers();
  }

  thaw(): void {
    this.#thawed?.resolve();
    this.#thawed = undefined;
  }

  get frozen(): boolean {
    return this.#thawed !== undefined;
  }

  async #serve(request: IncomingMessage, response: ServerResponse, handler: WorkerHandler): Promise<void> {
    await this.#thawed?.promise;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk);
    } catch {
      return;
    }
    const body = Buffer.concat(chunks);
    this.received.push({ headers: request.headers, body: body.toString() });
    handler(request, response, body);
  }

  /** Dies: connections break, the port is closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}
