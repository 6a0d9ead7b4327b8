import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { WorkerClient } from "./worker-client.ts";

test("L5 L3: an error in the middle of a streamed answer arrives with its stack trace, of a megabyte even", async () => {
  const name = "lambda-runtime-function-error-body";
  const trace = "x".repeat(1024 * 1024);
  using server = serving((response) => {
    response.writeHead(200, { trailer: name });
    response.write("the first part");
    response.addTrailers({ [name]: trace });
    response.end();
  });
  const client = new WorkerClient({ host: "127.0.0.1", port: await server.port() });
  const ended = Promise.withResolvers<unknown>();
  client.send([], Buffer.from("{}"), {
    onRequestStart: () => undefined,
    onResponseStart: () => undefined,
    onResponseData: () => undefined,
    onResponseEnd: (_controller, trailers) => ended.resolve(trailers?.[name]),
    onResponseError: (_controller, error) => ended.reject(error),
  });
  assert.ok((await ended.promise) === trace);
  client.close();
});

function serving(answer: (response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    request.resume();
    answer(response);
  }).listen(0, "127.0.0.1");
  return {
    async port() {
      if (!server.listening) await once(server, "listening");
      return (server.address() as AddressInfo).port;
    },
    [Symbol.dispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
