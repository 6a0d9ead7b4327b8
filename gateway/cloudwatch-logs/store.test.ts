import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { test } from "node:test";
import { victoriaLogsStore } from "./store.ts";

const query = {
  function: "hello",
  group: "app",
  filter: "",
  fromUs: 0n,
  toUs: 1_795_000_000_000_000n,
  most: 10_000,
  mostBytes: 1_048_576,
  fromEnd: false,
};

const line = (message: string) =>
  `${JSON.stringify({ _time: "2026-11-22T12:00:00.000001Z", _msg: message, logStream: "a" })}\n`;

/** A server whose answer is these lines. */
async function storeOf(lines: Iterable<string>) {
  const served = Readable.from(lines, { objectMode: false });
  const server = createServer((_request, response) => served.pipe(response.on("close", () => served.destroy())));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const store = victoriaLogsStore(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
  return {
    store,
    served,
    async [Symbol.asyncDispose]() {
      await store.close();
      server.close();
    },
  };
}

test("D3: events are read until there is more than a page, however much a worker has printed", async () => {
  function* endless() {
    for (;;) yield line("x".repeat(100_000));
  }
  await using server = await storeOf(endless());
  assert.equal((await server.store.query(query)).length, 11);
  if (!server.served.destroyed) await once(server.served, "close");
});

test("D3: an event has its time to the microsecond and its text, of whatever characters, also when it comes in pieces", async () => {
  const text = "é\u2028\r x";
  const bytes = Buffer.from(line(text) + line("last").trimEnd());
  await using server = await storeOf(Array.from(bytes, (byte) => Buffer.of(byte)) as Iterable<never>);
  const timeUs = BigInt(Date.UTC(2026, 10, 22, 12)) * 1000n + 1n;
  assert.deepEqual(await server.store.query(query), [
    { timeUs, message: text, logStream: "a" },
    { timeUs, message: "last", logStream: "a" },
  ]);
});
