import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, Server, type Socket } from "node:net";

/** A network namespace with nothing but a loopback interface. */
export interface LoopbackNamespace extends AsyncDisposable {
  /** For nsenter. */
  readonly path: string;
}

/**
 * Makes a namespace whose 127.0.0.1 leads to ours at these ports and nowhere else: what runs in it reaches nothing but
 * the test, and does not notice when other tests' interfaces come and go.
 */
export async function loopbackNamespace(ports: readonly number[]): Promise<LoopbackNamespace> {
  await using stack = new AsyncDisposableStack();
  // unshare becomes Node, so that its pid is the namespace's, and it ends when we do.
  const holder = spawn("unshare", ["--net", process.execPath, import.meta.filename, ...ports.map(String)], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(holder, "exit");
  stack.defer(async () => {
    holder.kill("SIGKILL");
    await ended;
  });
  for (const port of ports) {
    const [, handle] = await Promise.race([once(holder, "message"), ended]);
    if (!(handle instanceof Server)) throw new Error("the network namespace was not made");
    const open = new Set<Socket>();
    handle.on("connection", (socket: Socket) => relay(socket, connect(port, "127.0.0.1"), open));
    stack.defer(() => {
      handle.close();
      for (const socket of open) socket.destroy();
    });
  }
  const owned = stack.move();
  return { path: `/proc/${holder.pid}/ns/net`, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function relay(from: Socket, to: Socket, open: Set<Socket>): void {
  for (const [socket, other] of [
    [from, to],
    [to, from],
  ] as const) {
    open.add(socket);
    socket.pipe(other);
    socket.on("error", () => other.destroy());
    socket.on("close", () => {
      open.delete(socket);
      other.destroy();
    });
  }
}

/** In the namespace: listens, and hands each socket to the test, which stays where it is. */
async function hold(ports: readonly number[]): Promise<void> {
  execFileSync("ip", ["link", "set", "lo", "up"]);
  for (const port of ports) {
    const server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    process.send?.({ port }, server, {}, () => server.close());
  }
  process.on("disconnect", () => process.exit());
}

if (import.meta.main) await hold(process.argv.slice(2).map(Number));
