import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { AgentError } from "../errors.ts";
import { waitUntilListening } from "./ready.ts";

const never = new AbortController().signal;
const alive = new Promise<never>(() => undefined);

/** A port that nothing listens on, and that the same test may listen on later. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

test("it is enough that something listens, at once or later", async () => {
  const port = await freePort();
  const endpoint = { host: "127.0.0.1", port };
  const waiting = waitUntilListening(endpoint, { timeoutMs: 10_000, exited: alive, signal: never });
  const server = createServer((socket) => socket.on("error", () => undefined)).listen(port, "127.0.0.1");
  await waiting;
  await waitUntilListening(endpoint, { timeoutMs: 10_000, exited: alive, signal: never });
  server.close();
});

test("after its time it gives up, naming the port", async () => {
  const port = await freePort();
  await assert.rejects(
    waitUntilListening({ host: "127.0.0.1", port }, { timeoutMs: 1, exited: alive, signal: never }),
    (error) => error instanceof AgentError && error.code === "WORKER_NOT_READY" && error.message.includes(`${port}`),
  );
});

test("the end of the worker's process ends the waiting", async () => {
  const port = await freePort();
  const exited = Promise.withResolvers<never>();
  const waiting = waitUntilListening(
    { host: "127.0.0.1", port },
    { timeoutMs: 60_000, exited: exited.promise, signal: never },
  );
  exited.reject(new AgentError("WORKER_EXITED", "ended"));
  await assert.rejects(waiting, /ended/);
});

test("an abort ends the waiting with its reason, before and during an attempt to connect", async () => {
  const endpoint = { host: "127.0.0.1", port: await freePort() };
  const already = AbortSignal.abort(new Error("left before"));
  await assert.rejects(
    waitUntilListening(endpoint, { timeoutMs: 60_000, exited: alive, signal: already }),
    /left before/,
  );

  const controller = new AbortController();
  const waiting = waitUntilListening(endpoint, { timeoutMs: 60_000, exited: alive, signal: controller.signal });
  controller.abort(new Error("left"));
  await assert.rejects(waiting, /left/);
});

test("an abort that comes with the last moment is told as the abort", async () => {
  const controller = new AbortController();
  const waiting = waitUntilListening(
    { host: "127.0.0.1", port: await freePort() },
    { timeoutMs: 1, exited: alive, signal: controller.signal },
  );
  controller.abort(new Error("left"));
  await assert.rejects(waiting, /left/);
});
