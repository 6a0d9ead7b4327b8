import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { mock, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { type LogSender, type SendResult, victoriaLogsSender } from "./send.ts";
import { LogShipper } from "./shipper.ts";

const megabyte = 2 ** 20;
const line = (text: string) => `${JSON.stringify({ time: "2026-11-22T00:00:00.000Z", msg: text })}\n`;

class FakeSender implements LogSender {
  /** What the server does with each next batch; from then on the last of it. */
  answers: (SendResult | Error)[] = ["taken"];
  readonly batches: string[][] = [];
  tries = 0;
  closed = false;
  hangs = false;

  async send(body: Buffer, signal: AbortSignal): Promise<SendResult> {
    this.tries += 1;
    if (this.hangs) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("over"))));
    const answer = (this.answers.length > 1 ? this.answers.shift() : this.answers[0]) as SendResult | Error;
    if (answer instanceof Error) throw answer;
    if (answer === "taken") this.batches.push(gunzipSync(body).toString().trimEnd().split("\n"));
    return answer;
  }

  async close() {
    this.closed = true;
  }

  get texts(): string[] {
    return this.batches.flat().map((text) => JSON.parse(text).msg);
  }
}

function shipping(mostBytes = megabyte) {
  mock.timers.enable({ apis: ["setTimeout"] });
  const sender = new FakeSender();
  const told: [string, object][] = [];
  const log = {
    info: (fields: object, message: string) => told.push([message, fields]),
    warn: (fields: object, message: string) => told.push([message, fields]),
  };
  return {
    sender,
    told,
    shipper: new LogShipper({ sender, mostBytes, log }),
    [Symbol.dispose]: () => mock.timers.reset(),
  };
}

/** Lets what is under way on other threads and in promises come to rest. */
async function settle(isSettled: () => boolean): Promise<void> {
  for (let turn = 0; !isSettled(); turn++) {
    assert.ok(turn < 100_000, `it does not settle: ${isSettled}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("O1: lines go in batches: a second after the first, or when there is enough", async () => {
  using s = shipping();
  s.shipper.ship(line("a"));
  s.shipper.ship(line("b"));
  mock.timers.tick(999);
  assert.equal(s.sender.tries, 0);
  mock.timers.tick(1);
  await settle(() => s.shipper.sentLines === 2);
  assert.deepEqual(s.sender.texts, ["a", "b"]);
  const large = "x".repeat(1000);
  for (let index = 0; index < 300; index++) s.shipper.ship(line(large));
  await settle(() => s.sender.batches.length === 2);
  assert.ok(s.shipper.waitingBytes > 0 && s.shipper.waitingBytes < 100_000);
});

test("O1: while the server is away nothing is lost within the bound, tries come ever more seldom, and it is said once", async () => {
  using s = shipping();
  s.sender.answers = [new Error("away"), new Error("away"), new Error("away"), "taken"];
  s.shipper.ship(line("a"));
  mock.timers.tick(1000);
  for (const [tries, pauseMs] of [
    [1, 500],
    [2, 1000],
    [3, 2000],
  ] as const) {
    await settle(() => s.sender.tries === tries && s.told.length === 1);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    mock.timers.tick(pauseMs - 1);
    s.shipper.ship(line(`b${tries}`));
    assert.equal(s.sender.tries, tries);
    mock.timers.tick(1);
  }
  await settle(() => s.shipper.sentLines > 0);
  // What came meanwhile goes without another line's help.
  mock.timers.tick(1000);
  await settle(() => s.shipper.sentLines === 4);
  assert.deepEqual(s.sender.texts, ["a", "b1", "b2", "b3"]);
  assert.deepEqual(
    s.told.map(([message]) => message),
    ["log lines cannot be shipped, they wait in memory", "log lines are shipped again"],
  );
});

test("O1: beyond the bound the oldest lines are dropped, counted and told of; what waits stays bounded", async () => {
  using s = shipping();
  s.sender.answers = [new Error("away")];
  const noise = () => Array.from({ length: 500 }, () => Math.random().toString(36)).join("");
  const count = 2000;
  for (let index = 0; index < count; index++) {
    s.shipper.ship(line(`${index} ${noise()}`));
    assert.ok(s.shipper.waitingBytes <= megabyte);
    if (index % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const { overflow } = s.shipper.dropped;
  assert.ok(overflow > 100 && overflow < count, String(overflow));
  assert.ok(s.told.some(([message]) => message === "log lines were dropped unshipped"));
  await settle(() => s.sender.tries > 0);
  s.sender.answers = ["taken"];
  await s.shipper.close(10_000);
  assert.equal(s.sender.texts.length, count - overflow);
  assert.equal(s.shipper.sentLines, count - overflow);
  assert.ok(s.sender.texts.at(-1)?.startsWith(`${count - 1} `), "the newest are there");
  const toldLines = s.told.reduce((sum, [, fields]) => sum + ("dropped" in fields ? droppedIn(fields) : 0), 0);
  assert.equal(toldLines, overflow);
});

const droppedIn = (fields: object) => (fields as { dropped: { overflow?: number } }).dropped.overflow ?? 0;

test("O1: a batch that the server will never take is dropped and counted, the next one goes", async () => {
  using s = shipping();
  s.sender.answers = ["refused", "taken"];
  s.shipper.ship(line("bad"));
  mock.timers.tick(1000);
  await settle(() => s.shipper.dropped.refused === 1);
  s.shipper.ship(line("good"));
  await s.shipper.close(1000);
  assert.deepEqual(s.sender.texts, ["good"]);
});

for (const [what, state] of [
  ["that is away", { answers: [new Error("away")] }],
  ["that hangs", { hangs: true }],
]) {
  test(`O1: at the end a server ${what} is given up, and what is lost is counted`, async () => {
    using s = shipping();
    Object.assign(s.sender, state);
    s.shipper.ship(line("a"));
    s.shipper.ship(line("b"));
    mock.timers.tick(1000);
    await settle(() => s.sender.tries === 1);
    const closed = s.shipper.close(50);
    await settle(() => s.sender.tries === 2 || s.sender.hangs);
    mock.timers.tick(50);
    await closed;
    s.shipper.ship(line("too late"));
    assert.equal(s.shipper.dropped.end, 3);
    assert.equal(s.sender.closed, true);
    assert.deepEqual(s.told.at(-1), ["log lines were dropped unshipped", { dropped: { end: 2 } }]);
  });
}

test("O1: VictoriaLogs is sent compressed lines, where and as it expects them; its answer says whether to try again", async () => {
  const requests: { message: IncomingMessage; body: string }[] = [];
  let status = 200;
  const server = createServer(async (message, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk);
    requests.push({ message, body: gunzipSync(Buffer.concat(chunks)).toString() });
    response.writeHead(status).end("words");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const sender = victoriaLogsSender(new URL(`http://me:pass%20word@127.0.0.1:${port}/logs/`));
  const shipper = new LogShipper({ sender, mostBytes: megabyte, log: { info: () => {}, warn: () => {} } });
  shipper.ship(line("hello"));
  await shipper.close(5000);
  assert.equal(shipper.sentLines, 1);
  const [{ message, body } = assert.fail()] = requests;
  assert.equal(
    message.url,
    "/logs/insert/jsonline?_stream_fields=component%2Cfunction&_msg_field=msg&_time_field=time",
  );
  assert.equal(message.headers.authorization, `Basic ${Buffer.from("me:pass word").toString("base64")}`);
  assert.equal(body, line("hello"));

  const never = new AbortController().signal;
  const again = victoriaLogsSender(new URL(`http://127.0.0.1:${port}`));
  const results = [];
  for (status of [204, 400, 413, 401, 404, 429, 503]) {
    results.push(await again.send(gzipSync(line("x")), never).catch((error: Error) => error.message));
  }
  assert.deepEqual(results, [
    "taken",
    "refused",
    "refused",
    ...[401, 404, 429, 503].map((code) => `it answers ${code}: words`),
  ]);
  await again.close();
  server.close();
});
