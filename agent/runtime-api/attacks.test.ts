import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import type { Admission } from "../../proto/gen/esb/runtime/v1/runtime.ts";
import { call, invoke, requestIdOf, runtimeOf, startTestRuntimeApi } from "./runtime-api.fake.ts";

/** What a worker could try, so that others are served late or not at all (S5), or to be taken for another (S7). */

function open({ runtimeAddress: host, runtimePort: port }: Admission, localAddress: string): Socket {
  return connect({ host, port, localAddress, allowHalfOpen: true }).on("error", () => undefined);
}

function closed(socket: Socket): Promise<unknown> {
  return new Promise((resolve) => socket.once("close", resolve));
}

const part = Buffer.concat([Buffer.from("10000\r\n"), Buffer.alloc(65_536, "a"), Buffer.from("\r\n")]);

/** Sends a request whose body has no end, for as long as it is let; how many bytes of it were taken. */
async function endless(worker: Admission, line: string): Promise<number> {
  const socket = open(worker, worker.sourceAddress);
  const over = closed(socket);
  socket.resume();
  socket.write(`${line} HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n`);
  const goOn = () => {
    while (socket.writable && socket.write(part));
  };
  socket.on("drain", goOn);
  goOn();
  await over;
  return socket.bytesWritten;
}

for (const line of [
  "POST /no/such/path",
  "POST /2018-06-01/runtime/nothing",
  "POST /2018-06-01/runtime/invocation/none/response",
  "POST /2018-06-01/runtime/init/error",
  "POST /2020-01-01/extension/register",
  "POST /2020-01-01/extension/nothing",
  "GET /2020-01-01/extension/event/next",
  "PUT /2022-07-01/telemetry",
]) {
  test(`L3 S5 a body without end is cut off: ${line}`, async () => {
    await using api = await startTestRuntimeApi();
    const worker = await api.admit(2);
    const bytes = await endless(worker, line);
    assert.ok(bytes < 64 * 1024 * 1024, `${bytes} bytes`);
    assert.equal((await call(worker, "GET", "/none")).status, 404);
  });
}

test("L3 S5 a poll with a body without end is not read for ever, before its invocation and behind it", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const cutOff = endless(worker, "GET /2018-06-01/runtime/invocation/next");
  await api.control.waitReady({ instanceId: worker.instanceId });
  const lost = invoke(worker);
  assert.ok((await cutOff) < 64 * 1024 * 1024);
  // Its runtime had the invocation: another answer ends it.
  await api.control.exited({ instanceId: worker.instanceId, exitStatus: 1 });
  assert.equal((await lost).headers["x-amz-function-error"], "Unhandled");
});

test("L3 S5 what a runtime was given and does not read is not kept beyond its next invocation", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const event = Buffer.alloc(6 * 1024 * 1024, "e");
  const sockets: Socket[] = [];
  for (const id of ["one", "two"]) {
    const socket = open(worker, worker.sourceAddress);
    sockets.push(socket);
    socket.pause();
    socket.write("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n");
    const answered = invoke(worker, event, { "x-amzn-requestid": id });
    while ((await runtimeOf(worker).respond(id, `"${id}"`)).status !== 202);
    assert.equal((await answered).body, `"${id}"`);
  }
  const [first, second] = sockets;
  let bytes = 0;
  first?.on("data", (read: Buffer) => {
    bytes += read.length;
    if (bytes >= event.length) first.destroy();
  });
  await new Promise((resolve) => first?.once("end", resolve).once("close", resolve).resume());
  assert.ok(bytes < event.length, `${bytes} bytes`);
  for (const socket of [first, second]) socket?.destroy();
});

for (const [what, head] of [
  ["as they are", ""],
  ["that expect what nobody knows", "expect: gold\r\n"],
  ["that expect to be told to go on", "expect: 100-continue\r\ncontent-length: 0\r\n"],
] as const) {
  test(`L3 S5 of many requests in one go one is answered: ${what}`, async () => {
    await using api = await startTestRuntimeApi();
    const worker = await api.admit(2);
    const socket = open(worker, worker.sourceAddress);
    const over = closed(socket);
    let text = "";
    socket.on("data", (read: Buffer) => {
      text += read;
    });
    socket.on("end", () => socket.destroy());
    socket.write(`GET /none HTTP/1.1\r\n${head}\r\n`.repeat(2000));
    await over;
    const answers = text.match(/HTTP\/1\.1 (?!100)\d+/g) ?? [];
    assert.ok(answers.length <= 1, `${answers.length} answers: ${answers.slice(0, 9)}`);
  });
}

test("L3 S5 strangers do not stay, whatever they send, and are not many at once", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const stranger = worker.sourceAddress.replace(/\d+$/, "77");
  const sockets = Array.from({ length: 200 }, () => open(worker, stranger));
  let told = 0;
  const sending = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write("x");
  }, 100);
  for (const socket of sockets) socket.once("data", () => told++);
  await Promise.all(sockets.map(closed));
  clearInterval(sending);
  assert.ok(told > 0 && told < sockets.length, `${told} heard why, the others nothing`);
  assert.equal((await call(worker, "GET", "/none")).status, 404);
});

test("L3 S7 what a request says of its sender is not believed", async () => {
  await using api = await startTestRuntimeApi();
  const [one, two] = [await api.admit(2), await api.admit(3)];
  const polled = runtimeOf(one).next();
  const answered = invoke(one);
  const id = requestIdOf(await polled);
  const headers = Object.fromEntries(
    ["x-forwarded-for", "forwarded", "x-real-ip", "client-ip", "host"].map((name) => [name, one.sourceAddress]),
  );
  assert.equal((await runtimeOf(two).respond(id, '"stolen"', headers)).status, 400);
  assert.equal((await runtimeOf(two).fail(id, '"stolen"', headers)).status, 400);
  await runtimeOf(one).respond(id, '"own"');
  assert.equal((await answered).body, '"own"');
});

test("L3 S5 of registrations and subscriptions ten are taken, and what is too large is refused", async () => {
  await using api = await startTestRuntimeApi();
  const worker = await api.admit(2);
  const register = (name: string, events: unknown[] = []) =>
    call(worker, "POST", "/2020-01-01/extension/register", {
      headers: { "lambda-extension-name": name },
      body: JSON.stringify({ events }),
    });
  const registered = await Promise.all(Array.from({ length: 20 }, (_, number) => register(`name ${number}`)));
  assert.deepEqual(count(registered.map(({ status }) => status)), { 200: 10, 403: 10 });
  const [first] = registered.filter(({ status }) => status === 200);
  assert.equal((await register("n".repeat(129))).status, 403);
  assert.equal((await register("large", ["INVOKE".repeat(20_000)])).status, 413);
  assert.equal((await register("many", Array(17).fill("INVOKE"))).status, 403);

  const headers = { "lambda-extension-identifier": String(first?.headers["lambda-extension-identifier"]) };
  const destination = { protocol: "HTTP", URI: "http://sandbox.localdomain:9" };
  const body = JSON.stringify({ types: ["platform"], destination });
  const statuses: number[] = [];
  for (let n = 0; n < 100; n++) {
    statuses.push((await call(worker, "PUT", "/2022-07-01/telemetry", { headers, body })).status);
  }
  assert.deepEqual(count(statuses), { 200: 10, 403: 90 });
});

function count(statuses: readonly number[]): Record<number, number> {
  return Object.fromEntries([...new Set(statuses)].map((one) => [one, statuses.filter((s) => s === one).length]));
}
