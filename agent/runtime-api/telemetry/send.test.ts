import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
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

test("L3 S5 an extension that answers without end is cut off, and has the next batch all the same", async () => {
  let asked = 0;
  const server = createHttpServer((request, response) => {
    request.resume();
    asked++;
    const goOn = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on("drain", goOn);
    goOn();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { send, stop } = sender("127.0.0.1", (server.address() as AddressInfo).port, "/");
  await send("[1]");
  await send("[2]");
  assert.equal(asked, 2);
  stop();
  server.close();
});

test("L3 an extension that wants another protocol, or speaks none, has the next batch all the same", async () => {
  const answers = [
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    "no HTTP\r\n\r\n",
    "",
  ];
  let asked = 0;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", () => socket.end(answers[asked++] ?? ""));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { send, stop } = sender("127.0.0.1", (server.address() as AddressInfo).port, "/");
  for (const answer of answers) await send(`["${answer.length}"]`);
  assert.equal(asked, answers.length);
  stop();
  server.close();
});

test("S7 L3 a redirect leads nowhere", async () => {
  const asked: (string | undefined)[] = [];
  const server = createHttpServer((request, response) => {
    asked.push(request.url);
    response.writeHead(307, { location: "/elsewhere" }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { send, stop } = sender("127.0.0.1", (server.address() as AddressInfo).port, "/events");
  await send("[1]");
  await send("[2]");
  assert.deepEqual(asked, ["/events", "/events"]);
  stop();
  server.close();
});
