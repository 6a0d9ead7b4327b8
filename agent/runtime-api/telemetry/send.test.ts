import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { sender } from "./send.ts";

test("L3 S7 nothing goes to the address of a worker that is gone: its connection ends with it", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { send, stop } = sender("127.0.0.1", port, "/");
  const connected = once(server, "connection");
  const sent = send("[]");
  const [socket] = (await connected) as [Socket];
  await once(socket, "data");
  // No answer comes, as from a frozen worker.
  stop();
  await Promise.all([
    once(
      socket.on("error", () => undefined),
      "close",
    ),
    sent,
  ]);
  assert.ok(socket.destroyed);
  server.close();
});
