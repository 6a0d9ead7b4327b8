import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { freePort } from "../../test/support/port.ts";
import { AgentError } from "../errors.ts";
import { PortTakenError, waitUntilListening } from "./ready.ts";

const never = new AbortController().signal;
const alive = new Promise<never>(() => undefined);
const isOwn = async () => true;

test("it is enough that something listens, at once or later", async () => {
  const port = await freePort();
  const endpoint = { host: "127.0.0.1", port };
  const waiting = waitUntilListening(endpoint, { timeoutMs: 10_000, exited: alive, signal: never, isOwn });
  const server = createServer((socket) => socket.on("error", () => undefined)).listen(port, "127.0.0.1");
  await waiting;
  await waitUntilListening(endpoint, { timeoutMs: 10_000, exited: alive, signal: never, isOwn });
  server.close();
});

test("after its time it gives up, naming the port", async () => {
  const port = await freePort();
  await assert.rejects(
    waitUntilListening({ host: "127.0.0.1", port }, { timeoutMs: 1, exited: alive, signal: never, isOwn }),
    (error) => error instanceof AgentError && error.code === "WORKER_NOT_READY" && error.message.includes(`${port}`),
  );
});

test("the end of the worker's process ends the waiting", async () => {
  const port = await freePort();
  const exited = Promise.withResolvers<never>();
  const waiting = waitUntilListening(
    { host: "127.0.0.1", port },
    { timeoutMs: 60_000, exited: exited.promise, signal: never, isOwn },
  );
  exited.reject(new AgentError("WORKER_EXITED", "ended"));
  await assert.rejects(waiting, /ended/);
});

test("an abort ends the waiting with its reason, before and during an attempt to connect", async () => {
  const endpoint = { host: "127.0.0.1", port: await freePort() };
  const already = AbortSignal.abort(new Error("left before"));
  await assert.rejects(
    waitUntilListening(endpoint, { timeoutMs: 60_000, exited: alive, signal: already, isOwn }),
    /left before/,
  );

  const controller = new AbortController();
  const waiting = waitUntilListening(endpoint, { timeoutMs: 60_000, exited: alive, signal: controller.signal, isOwn });
  controller.abort(new Error("left"));
  await assert.rejects(waiting, /left/);
});

test("an abort that comes with the last moment is told as the abort", async () => {
  const controller = new AbortController();
  const waiting = waitUntilListening(
    { host: "127.0.0.1", port: await freePort() },
    { timeoutMs: 1, exited: alive, signal: controller.signal, isOwn },
  );
  controller.abort(new Error("left"));
  await assert.rejects(waiting, /left/);
});

test("S7: a port that somebody else listens on is not the worker's, whether it ends of that or waits in vain", async () => {
  const server = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const endpoint = { host: "127.0.0.1", port };
  const foreign = { signal: never, isOwn: async () => false };
  const ended = Promise.reject(new Error("it ended"));
  ended.catch(() => undefined);
  for (const options of [
    { ...foreign, timeoutMs: 60_000, exited: ended },
    { ...foreign, timeoutMs: 1, exited: alive },
  ]) {
    await assert.rejects(
      waitUntilListening(endpoint, options),
      (error) =>
        error instanceof PortTakenError && error.code === "NETWORK_FAILED" && error.message.includes(`${port}`),
    );
  }
  server.close();
});
