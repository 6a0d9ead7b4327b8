import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface, type Interface } from "node:readline";

/** Its answer takes no longer, unless it is no keeper. */
const answerWithinMs = 5000;

/** What keeps our port while there is no gateway: deploy/docker/port-keeper, which tells how. */
export class PortKeeper implements Disposable {
  readonly #socket: Socket;
  readonly #lines: Interface;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#lines = createInterface({ input: socket });
  }

  /** @param name of its abstract unix socket @throws (rejects with) Error when nobody is there */
  static async connect(name: string): Promise<PortKeeper> {
    const socket = connect({ path: `\0${name}` });
    await once(socket, "connect");
    return new PortKeeper(socket);
  }

  /** Makes an address ours, until our end. @param host an IP address @throws (rejects with) Error when it is not to be had */
  async claim(host: string, port: number): Promise<void> {
    await this.#ask(`claim ${host} ${port}`, "yours");
  }

  /** We listen there, and are ready: who has waited is ours, and who comes. @throws (rejects with) Error */
  async handOver(): Promise<void> {
    await this.#ask("listening", "kept");
  }

  /** @param callback its end, which is that of the network that we are in */
  onLost(callback: () => void): void {
    this.#socket.once("close", callback);
  }

  [Symbol.dispose](): void {
    this.#socket.removeAllListeners("close");
    this.#socket.destroy();
  }

  async #ask(line: string, expected: string): Promise<void> {
    const answer = once(this.#lines, "line", { signal: AbortSignal.timeout(answerWithinMs) });
    this.#socket.write(`${line}\n`);
    const [text] = await answer;
    if (text !== expected) throw new Error(`the port's keeper says: ${text}`);
  }
}
