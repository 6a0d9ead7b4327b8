import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

/** Listens at one address and port; whoever it belongs to closes it, with its connections. */
export class Listener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @throws Error of the operating system when it cannot listen there */
  static async open(address: string, port: number, onConnection: (socket: Socket) => void): Promise<Listener> {
    // Without keep-alive: a probe would end the connection of a worker whose host suspends.
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    const listener = new Listener(server);
    server.on("connection", (socket) => {
      listener.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.once("close", () => listener.#sockets.delete(socket));
      onConnection(socket);
    });
    server.listen({ host: address, port, exclusive: true });
    await once(server, "listening");
    return listener;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Listeners that several share: opened for the first, closed with the last. */
export class SharedListeners {
  readonly #open = new Map<string, { listener: Promise<Listener>; users: number }>();
  readonly #onConnection: (socket: Socket, place: string) => void;

  constructor(onConnection: (socket: Socket, place: string) => void) {
    this.#onConnection = onConnection;
  }

  /** @returns what gives it back; @throws Error of the operating system when it cannot listen there */
  async use(address: string, port: number): Promise<() => void> {
    const place = placeOf(address, port);
    const found = this.#open.get(place);
    const entry = found ?? {
      listener: Listener.open(address, port, (socket) => this.#onConnection(socket, place)),
      users: 0,
    };
    this.#open.set(place, entry);
    entry.users++;
    const release = () => {
      entry.users--;
      if (entry.users > 0) return;
      this.#open.delete(place);
      entry.listener.then(
        (listener) => listener.close(),
        () => undefined,
      );
    };
    try {
      await entry.listener;
    } catch (error) {
      release();
      throw error;
    }
    return release;
  }
}

export function placeOf(address: string, port: number): string {
  return `${address}:${port}`;
}
