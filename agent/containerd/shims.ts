import { createHash } from "node:crypto";
import { EventEmitter, on } from "node:events";
import { rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";

/** Where shims listen (defaults.DefaultStateDir of containerd, with `s` behind it), whatever its own state folder is. */
const socketFolder = "/run/containerd/s";

/** What a shim keeps. */
export interface ShimWorker {
  readonly id: string;
  readonly function: string;
  /** Of the worker's first process, which tells it from others of its id. */
  readonly pid: number;
}

/** Shims of which somebody hears when they end. */
export interface Shims {
  /** Watches the shim of a worker that runs or is frozen; again and again does no harm. */
  watch(worker: ShimWorker): void;
  /** The worker is about to be ended: its shim's end is no news. */
  forget(id: string): void;
  /** Workers whose shim has ended, from now on; ends by throwing when the signal aborts. */
  lost(signal: AbortSignal): AsyncGenerator<ShimWorker, void>;
  /** Removes the socket that a killed shim leaves behind. Only while no shim is being made for the worker. */
  removeSocket(id: string): Promise<void>;
}

export interface ShimsOptions {
  /** containerd's own socket, as its shims were told of it. */
  readonly address: string;
  readonly namespace: string;
  /** The name that a worker's shim goes by: its own, or that of the group that shares it. */
  readonly shimOf: (id: string, functionName: string) => string;
  readonly folder?: string;
}

/**
 * containerd tells of the end of a shim only when it has cleaned up behind it, with two programs one after the other. A
 * connection to the shim's socket ends with the shim, at once. Nothing is ever sent on it. Where the socket cannot be
 * reached, as in another mount namespace, containerd's word has to do.
 */
export function createShims({ address, namespace, shimOf, folder = socketFolder }: ShimsOptions): Shims {
  const sockets = new Map<string, Socket>();
  const watched = new Map<string, { readonly worker: ShimWorker; readonly path: string }>();
  const told = new EventEmitter<{ lost: [ShimWorker] }>().setMaxListeners(0);

  /** containerd's SocketAddress (runtime/v2/shim/util_unix.go; pkg/shim in 2.x). */
  function pathOf(id: string, functionName: string): string {
    const name = join(address, namespace, shimOf(id, functionName));
    return join(folder, createHash("sha256").update(name).digest("hex"));
  }

  function open(path: string): void {
    const socket = connect(path).unref();
    let connected = false;
    sockets.set(path, socket);
    socket.once("connect", () => {
      connected = true;
    });
    // Its close follows, and says all that there is to do.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      if (sockets.get(path) !== socket) return;
      sockets.delete(path);
      if (!connected) return;
      for (const one of watched.values()) if (one.path === path) told.emit("lost", one.worker);
    });
    socket.resume();
  }

  return {
    watch(worker) {
      const path = pathOf(worker.id, worker.function);
      watched.set(worker.id, { worker, path });
      if (!sockets.has(path)) open(path);
    },
    forget(id) {
      const path = watched.get(id)?.path;
      watched.delete(id);
      if (path === undefined || [...watched.values()].some((one) => one.path === path)) return;
      const socket = sockets.get(path);
      sockets.delete(path);
      socket?.destroy();
    },
    async *lost(signal) {
      for await (const [worker] of on(told, "lost", { signal })) yield worker as ShimWorker;
    },
    async removeSocket(id) {
      const path = pathOf(id, "");
      if (shimOf(id, "") === id && (await isDead(path))) await rm(path, { force: true });
    },
  };
}

/** Whether there is a socket that nobody listens at. */
function isDead(path: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect(path);
  socket.once("connect", () => resolve(false));
  socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
  return promise.finally(() => socket.destroy());
}
