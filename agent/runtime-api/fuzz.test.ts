import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { call, invoke, requestIdOf, runtimeOf, startTestRuntimeApi } from "./runtime-api.fake.ts";

const paths = [
  "/2018-06-01/runtime/invocation/next",
  "/2018-06-01/runtime/invocation/request-1/response",
  "/2018-06-01/runtime/invocation/request-1/error",
  "/2018-06-01/runtime/invocation//response",
  "/2018-06-01/runtime/init/error",
  "/2020-01-01/extension/register",
  "/2020-01-01/extension/event/next",
  "/2020-01-01/extension/exit/error",
  "/2022-07-01/telemetry",
  "/2020-08-15/logs",
  "/%",
  "*",
];
const headers = [
  "lambda-runtime-function-response-mode: streaming",
  "lambda-runtime-function-response-mode: \x80\xff",
  "lambda-extension-name: inside",
  "lambda-extension-name: \x80",
  "lambda-extension-identifier: x",
  "lambda-runtime-function-error-type: \t\xfe",
  "transfer-encoding: chunked",
  "content-length: 5",
  "content-type: \x80",
  "connection: close",
  "connection: upgrade\r\nupgrade: none",
  "expect: 100-continue",
  "trailer: lambda-runtime-function-error-type",
];
const bodies = [
  "",
  "hello",
  "{",
  '{"events":["INVOKE"]}',
  "null",
  "5\r\nhello\r\n0\r\n\r\n",
  "0\r\nx: \x01\r\n\r\n",
  "\x00\xff",
];

const request = fc
  .tuple(
    fc.constantFrom("GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS", "\x16\x03"),
    fc.constantFrom(...paths),
    fc.subarray(headers),
    fc.constantFrom(...bodies),
  )
  .map(
    ([method, path, chosen, body]) =>
      `${method} ${path} HTTP/1.1\r\nhost: x\r\n${chosen.map((one) => `${one}\r\n`).join("")}\r\n${body}`,
  );

test("L3 whatever a runtime sends, in whatever order, another worker is served as if nothing were", async () => {
  await using api = await startTestRuntimeApi();
  const good = await api.admit(2);
  const runtime = runtimeOf(good);
  let starts = 0;
  let worker = 10;
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 6 }), fc.boolean(), async (requests, together) => {
      worker = 10 + ((worker + 1) % 80);
      const bad = await api.admit(worker, { instanceId: `start-${++starts}` });
      const { runtimeAddress: host, runtimePort: port, sourceAddress: localAddress } = bad;
      const invoked = invoke(bad, "{}", { "x-amzn-requestid": "request-1" }).catch(() => undefined);
      for (const bytes of together ? [requests.join("")] : requests) {
        const socket = connect({ host, port, localAddress });
        socket.on("error", () => undefined);
        await once(socket, "connect");
        socket.write(bytes, "latin1");
        socket.resume();
      }
      // A whole invocation of the other one: everything that came before has been read by then.
      const polled = runtime.next();
      const answered = invoke(good);
      assert.equal((await runtime.respond(requestIdOf(await polled), '"good"')).status, 202);
      assert.equal((await answered).body, '"good"');
      await api.control.forget({ instanceId: bad.instanceId });
      await invoked;
    }),
    { numRuns: 150 },
  );
  assert.equal((await call(good, "GET", "/none")).status, 404);
});
