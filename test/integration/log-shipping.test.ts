import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { logsArchive, logsImage, probeArchive, probeImage } from "../support/images.ts";
import { patienceMs, until, untilWhileAlive } from "../support/process.ts";
import { assertPrompt } from "../support/slowness.ts";
import { type StoredLine, startVictoriaLogs, type VictoriaLogs } from "../support/victoria-logs.ts";

/** Logs in a real VictoriaLogs server (O1, D3). */

const functions = `
defaults: { timeout: 20, memory: 256, concurrency: { max: 1 } }
functions:
  printer: { image: "${probeImage}", idle: { freezeAfterMs: 200 } }
  other: { image: "${probeImage}", idle: { freezeAfterMs: -1 } }
  talker: { image: "${probeImage}", memory: 1769 }
  logger: { image: "${logsImage}" }
  elsewhere: { image: "${logsImage}", environment: { AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: "http://127.0.0.1:9" } }
`;

let folder: string;
let store: VictoriaLogs;
let esb: TestEsb;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "esb-log-shipping-"));
  store = await startVictoriaLogs(folder);
  esb = await startEsb({
    archives: [await probeArchive(), await logsArchive()],
    functions,
    settings: { ESB_LOGS_URL: store.url, ESB_LOGS_BUFFER_MIB: "1" },
  });
});
after(async () => {
  await esb?.[Symbol.asyncDispose]();
  await store?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** @returns the request's id */
async function print(name: string, text: string): Promise<string> {
  const answer = await esb.invoke(name, { op: "print", stdout: text });
  assert.equal(answer.status, 200, await answer.text());
  return answer.headers.get("x-amzn-requestid") ?? assert.fail("no request id");
}

/** Waits until a query finds so many lines; more would be doubled ones. */
async function found(query: string, count: number): Promise<StoredLine[]> {
  let lines: StoredLine[] = [];
  await until(
    async () => {
      lines = await store.query(query);
      if (lines.length < count) throw new Error(`${lines.length} of ${count}`);
    },
    60_000,
    async (error) => `${query}: ${error}`,
  );
  return lines;
}

async function restartGateway(): Promise<void> {
  await esb.gateway.stop("SIGTERM");
  await esb.gateway.start();
  const isReady = async () => {
    const answer = await fetch(`${esb.url}/ready`);
    if (!answer.ok) throw new Error(await answer.text());
  };
  await untilWhileAlive(esb.gateway, isReady, 60_000);
}

async function memoryMib(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${esb.url}/metrics`)).text();
  const values = text.split("\n").filter((line) => line.startsWith(name) && !line.startsWith("#"));
  return values.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

test("O1: lines of agent, gateway and functions arrive once, with function, worker and request id", async () => {
  const first = await print("printer", "one\n");
  // Lines are told apart by their time, so the second request comes once the first one's line is there.
  await found('_msg:="one"', 1);
  const json = JSON.stringify({ level: "ERROR", requestId: "its-own", message: "two" });
  const second = await print("printer", `${json}\n`);
  await print("other", "three\n");
  const [one, two, ...more] = await found('component:="function" function:="printer"', 2);
  assert.deepEqual(more, []);
  assert.ok(one !== undefined && two !== undefined && first !== second);
  const { _msg, worker, requestId, stream, level, logGroup, logStream } = one;
  assert.deepEqual(
    { _msg, worker, requestId, stream, level, logGroup },
    {
      _msg: "one",
      worker: "printer-0",
      requestId: first,
      stream: "stdout",
      level: "info",
      logGroup: "/aws/lambda/printer",
    },
  );
  assert.match(logStream ?? "", /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/);
  assert.deepEqual([two._msg, two.level, two.requestId], [json, "error", "its-own"]);
  assert.ok(Math.abs(Date.parse(one._time ?? "") - Date.now()) < 60_000);

  const [other] = await found('component:="function" function:="other"', 1);
  assert.equal(other?._msg, "three");
  const [started] = await found('component:="gateway" _msg:="worker started" worker:="printer-0"', 1);
  assert.equal(started?._stream, '{component="gateway"}');
  await found('component:="agent" _msg:="serving"', 1);
  // The same lines as on standard output.
  const onStdout = (await esb.gateway.log()).split("\n").filter((line) => line.includes('"worker started"'));
  assert.deepEqual(JSON.parse(onStdout[0] ?? "").phases.total.toString(), started?.["phases.total"]);
});

interface Answer {
  readonly error?: string;
  readonly message?: string;
  readonly events?: { readonly message: string; readonly timestamp: number }[];
  readonly [name: string]: unknown;
}

/** The AWS SDK's answer in a worker. */
async function call(name: string, command: string, input: object = {}): Promise<Answer> {
  return (await (await esb.invoke(name, { command, input })).json()) as Answer;
}

test("D3, O1: the unmodified AWS SDK in a function writes to CloudWatch Logs and reads again what it has written", async () => {
  const stream = { logGroupName: "app/orders", logStreamName: "one" };
  assert.deepEqual(await call("logger", "createLogGroup", { logGroupName: "app/orders" }), {});
  assert.deepEqual(await call("logger", "createLogStream", stream), {});
  const timestamp = Date.now();
  const logEvents = ["order 1 taken", "order 2 ERROR", "order 3 taken"].map((message) => ({ timestamp, message }));
  const put = await call("logger", "putLogEvents", { ...stream, logEvents });
  assert.equal(put.error, undefined, put.message);
  const lines = await found('logGroup:="app/orders"', 3);
  assert.deepEqual(
    lines.map(({ _msg, function: name, worker, logStream }) => [_msg, name, worker, logStream]),
    logEvents.map(({ message }) => [message, "logger", "logger-0", "one"]),
  );
  assert.match(lines[0]?.requestId ?? "", /^[0-9a-f-]{36}$/);

  const { events = [] } = await call("logger", "getLogEvents", { ...stream, startFromHead: true });
  assert.deepEqual(
    events.map((event) => ({ timestamp: event.timestamp, message: event.message })),
    logEvents,
  );
  const errors = await call("logger", "filterLogEvents", { logGroupName: "app/orders", filterPattern: "ERROR" });
  assert.deepEqual(
    errors.events?.map(({ message }) => message),
    ["order 2 ERROR"],
  );
  // Also what it prints, in the group and the stream that Lambda would put it into.
  const environment = await call("logger", "env");
  const own = {
    logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
  };
  assert.equal((await call("logger", "putLogEvents", { ...own, logEvents })).error, undefined);
  await found('logGroup:="/aws/lambda/logger" _msg:~"^order"', 3);
  assert.equal((await call("logger", "getLogEvents", { ...own, limit: 1 })).events?.[0]?.message, "order 3 taken");

  // It survives the gateway's restart, as the function does.
  await restartGateway();
  const logEvent = { timestamp, message: "order 4 taken" };
  const again = await call("logger", "putLogEvents", { ...stream, logEvents: [logEvent] });
  assert.equal(again.error, undefined, again.message);
  await found('_msg:="order 4 taken"', 1);
  // Whoever names an endpoint of its own is not sent here, nor given our token.
  const elsewhere = await call("elsewhere", "env");
  assert.equal(elsewhere.AWS_SESSION_TOKEN, undefined);
  assert.equal(elsewhere.AWS_ENDPOINT_URL_CLOUDWATCH_LOGS, "http://127.0.0.1:9");
});

test("O1, W9: the agent's and the gateway's restarts neither lose nor double a function's lines", async () => {
  const query = 'component:="function" function:="other" _msg:~"^r[0-9]+$"';
  await print("other", "r1\n");
  await found(query, 1);
  await esb.agent.stop("SIGKILL");
  await print("other", "r2\n");
  await esb.agent.start();
  await esb.agentReady();
  await print("other", "r3\n");
  await found(query, 3);
  await restartGateway();
  await print("other", "r4\n");
  const lines = await found(query, 4);
  assert.deepEqual(
    lines.map(({ _msg }) => _msg),
    ["r1", "r2", "r3", "r4"],
  );
});

test("O1, D3: while VictoriaLogs is killed nothing is lost within the bound; requests are served all the while", async () => {
  await print("printer", "before\n");
  await found('_msg:="before"', 1);
  await store.process.stop("SIGKILL");
  const slowest = { ms: 0 };
  for (let index = 0; index < 200; index++) {
    const begunMs = performance.now();
    await print("printer", `away ${index}\n`);
    slowest.ms = Math.max(slowest.ms, performance.now() - begunMs);
  }
  assertPrompt(slowest.ms, 10_000);
  await until(async () => assert.match(await esb.gateway.log(), /log lines cannot be shipped/), patienceMs);
  await store.start();
  const lines = await found('_msg:~"^away "', 200);
  assert.deepEqual(
    lines.map(({ _msg }) => _msg),
    Array.from({ length: 200 }, (_, index) => `away ${index}`),
  );
  assert.equal(await metric("esb_log_lines_dropped_total"), 0);
  await until(async () => assert.match(await esb.gateway.log(), /log lines are shipped again/), patienceMs);
});

test("O1, D3: beyond the bound the oldest lines are dropped and counted, memory stays bounded, requests are served", async () => {
  await store.process.stop("SIGKILL");
  const agentMib = await memoryMib(esb.agent.pid);
  const gatewayMib = await memoryMib(esb.gateway.pid);
  // Noise, which does not become smaller.
  const noise = () => Array.from({ length: 30 }, () => Math.random().toString(36).slice(2)).join("");
  const count = 120;
  for (let index = 0; index < count; index++) {
    const text = Array.from({ length: 80 }, (_, row) => `flood ${index} ${row} ${noise()}\n`).join("");
    await print("talker", text);
  }
  await print("talker", "flood ends\n");
  await until(async () => assert.ok((await metric("esb_log_lines_dropped_total")) > 0), 60_000);
  assert.ok((await metric("esb_log_waiting_bytes")) <= 2 ** 20);
  for (const [what, pid, beforeMib] of [
    ["agent", esb.agent.pid, agentMib],
    ["gateway", esb.gateway.pid, gatewayMib],
  ] as const) {
    const grownMib = (await memoryMib(pid)) - beforeMib;
    assert.ok(grownMib < 64, `${what} has grown by ${grownMib} MiB`);
  }
  await store.start();
  await found('_msg:="flood ends"', 1);
  const dropped = await metric("esb_log_lines_dropped_total");
  const kept = await store.query('_msg:~"^flood [0-9]"');
  const others = (await esb.gateway.log()).split("\n").length;
  assert.ok(kept.length < count * 80 && kept.length > 100, `${kept.length} are kept`);
  // What was dropped were these, and lines of the gateway's own at most.
  assert.ok(Math.abs(kept.length + dropped - count * 80) <= others, `${kept.length} kept, ${dropped} dropped`);
  assert.equal(kept.at(-1)?._msg?.startsWith(`flood ${count - 1} 79 `), true, "the newest are there");
});
