import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import * as sdk from "@aws-sdk/client-cloudwatch-logs";
import { CallerChecks, unrecognized } from "../auth/callers/check.ts";
import { takeTokenFromPath } from "../auth/callers/token-path.ts";
import { WorkerCheck } from "../auth/callers/worker.ts";
import { createBareApp } from "../http/bare-app.ts";
import { Connections } from "../http/connections.ts";
import { systemClock } from "../pool/clock.ts";
import { LogGroups } from "./groups.ts";
import { logsOperations } from "./operations.ts";
import { toTextFilter } from "./read.ts";
import { addLogsRoute } from "./route.ts";
import type { EventQuery, EventStore, StoredEvent } from "./store.ts";

/** The operations as AWS's own SDK sees them (D3). */

const nowMs = Date.UTC(2026, 10, 22, 12);
const day = 24 * 3600 * 1000;
const worker = {
  id: "hello-0",
  instanceId: "0b9f3f6e-8d5c-4a51-9c0b-2f4f2f0a7d11",
  function: "hello",
  tokenDigest: createHash("sha256").update("token").digest("hex"),
};
const ownStream = "2026/11/22/[$LATEST]0b9f3f6e8d5c4a519c0b2f4f2f0a7d11";

const closing: (() => Promise<unknown>)[] = [];
after(() => Promise.all(closing.map((close) => close())));

class FakeStore implements EventStore {
  readonly queries: EventQuery[] = [];
  events: StoredEvent[] = [];

  async query(query: EventQuery) {
    this.queries.push(query);
    const found = this.events.filter(({ timeUs }) => timeUs >= query.fromUs && timeUs < query.toUs);
    return query.fromEnd ? found.slice(-query.most) : found.slice(0, query.most);
  }

  async close() {}
}

async function logsService(store?: EventStore) {
  const emitted: Record<string, unknown>[] = [];
  const groups = new LogGroups({ groups: [], streams: [] });
  const check = new WorkerCheck(() => [worker]);
  const errors: unknown[] = [];
  const listener = {
    clock: systemClock,
    connections: new Connections({ most: 100, mostPerAddress: 100, isProxy: () => false }),
    requestTimeoutMs: 10_000,
    certificate: undefined,
    stopping: () => false,
  };
  const app = createBareApp(listener, (_request, reply) => void reply.code(404).send(), takeTokenFromPath);
  addLogsRoute(app, {
    callers: new CallerChecks([check]),
    callerOf({ raw: { headers, socket } }) {
      const found = check.workerOf({ headers, remoteAddress: socket.remoteAddress });
      if (found === undefined) throw unrecognized();
      return found;
    },
    introduce: (caller, input) => groups.introduce(caller, (input as { logStreamName?: string }).logStreamName, nowMs),
    operations: logsOperations({
      groups,
      store,
      emit: (line) => emitted.push(JSON.parse(line)),
      requestAt: (instanceId, timeMs) => `request of ${instanceId.slice(0, 4)} at ${timeMs - nowMs}`,
      region: "eu-west-1",
      accountId: "123456789012",
      now: () => nowMs,
    }),
    onError: (error) => errors.push(error),
  });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  closing.push(() => app.close());
  const clientWith = (endpoint: string, sessionToken: string | undefined) => {
    const credentials = { accessKeyId: "A", secretAccessKey: "S", ...(sessionToken && { sessionToken }) };
    const client = new sdk.CloudWatchLogsClient({ region: "eu-west-1", endpoint, credentials, maxAttempts: 1 });
    closing.push(async () => client.destroy());
    return client;
  };
  return { emitted, errors, url, clientWith, client: clientWith(url, "token") };
}

/** The error's name and words. */
async function refusal(work: Promise<unknown>): Promise<[string, string]> {
  const error = await work.then(
    () => assert.fail("it should have been refused"),
    (thrown: Error) => thrown,
  );
  return [error.name, error.message];
}

const group = { logGroupName: "app" };
const stream = { ...group, logStreamName: "a" };

async function withStream(store?: EventStore) {
  const service = await logsService(store);
  await service.client.send(new sdk.CreateLogGroupCommand(group));
  await service.client.send(new sdk.CreateLogStreamCommand(stream));
  return service;
}

test("D3: events of an unmodified SDK become lines of the log, in order, with function, worker and request", async () => {
  const { client, emitted } = await withStream();
  const json = JSON.stringify({ level: "WARN", timestamp: "2026-11-22T11:00:00Z", requestId: "own" });
  const logEvents = [
    { timestamp: nowMs - 5, message: "first" },
    { timestamp: nowMs, message: "second\nline" },
    { timestamp: nowMs, message: json },
  ];
  const { nextSequenceToken, rejectedLogEventsInfo } = await client.send(
    new sdk.PutLogEventsCommand({ ...stream, logEvents }),
  );
  assert.ok(nextSequenceToken);
  assert.equal(rejectedLogEventsInfo, undefined);
  const of = { component: "function", function: "hello", worker: "hello-0", logGroup: "app", logStream: "a" };
  const lines = [
    { level: "info", time: "2026-11-22T11:59:59.995000Z", ...of, requestId: "request of 0b9f at -5", msg: "first" },
    {
      level: "info",
      time: "2026-11-22T12:00:00.000000Z",
      ...of,
      requestId: "request of 0b9f at 0",
      msg: "second\nline",
    },
    { level: "warn", time: "2026-11-22T12:00:00.000001Z", ...of, requestId: "own", msg: json },
  ];
  assert.deepEqual(emitted, lines);
  const { logStreams = [] } = await client.send(new sdk.DescribeLogStreamsCommand(group));
  const [{ firstEventTimestamp, lastEventTimestamp, arn } = assert.fail()] = logStreams;
  assert.deepEqual([firstEventTimestamp, lastEventTimestamp], [nowMs - 5, nowMs]);
  assert.equal(arn, "arn:aws:logs:eu-west-1:123456789012:log-group:app:log-stream:a");
});

test("D3: a function writes to its own group and stream without making them", async () => {
  const { client, emitted } = await logsService();
  const own = { logGroupName: "/aws/lambda/hello", logStreamName: ownStream };
  await client.send(new sdk.PutLogEventsCommand({ ...own, logEvents: [{ timestamp: nowMs, message: "x" }] }));
  assert.equal(emitted[0]?.logGroup, "/aws/lambda/hello");
  const other = { ...own, logStreamName: "2026/11/22/[$LATEST]00000000000000000000000000000000" };
  const put = client.send(new sdk.PutLogEventsCommand({ ...other, logEvents: [{ timestamp: nowMs, message: "x" }] }));
  assert.deepEqual(await refusal(put), ["ResourceNotFoundException", "The specified log stream does not exist."]);
});

test("D3: groups and streams are made, described in pages, given a retention and deleted, as AWS answers", async () => {
  const { client } = await withStream();
  const twice = await refusal(client.send(new sdk.CreateLogGroupCommand(group)));
  assert.deepEqual(twice, ["ResourceAlreadyExistsException", "The specified log group already exists"]);
  const twiceStream = await refusal(client.send(new sdk.CreateLogStreamCommand(stream)));
  assert.equal(twiceStream[0], "ResourceAlreadyExistsException");
  await client.send(new sdk.CreateLogGroupCommand({ logGroupName: "app-2" }));
  await client.send(new sdk.PutRetentionPolicyCommand({ ...group, retentionInDays: 7 }));
  const first = await client.send(new sdk.DescribeLogGroupsCommand({ logGroupNamePrefix: "app", limit: 1 }));
  const second = await client.send(
    new sdk.DescribeLogGroupsCommand({ logGroupNamePrefix: "app", limit: 1, nextToken: first.nextToken }),
  );
  const found = [...(first.logGroups ?? []), ...(second.logGroups ?? [])];
  assert.deepEqual(
    found.map(({ logGroupName, retentionInDays, creationTime }) => [logGroupName, retentionInDays, creationTime]),
    [
      ["app", 7, nowMs],
      ["app-2", undefined, nowMs],
    ],
  );
  assert.equal(second.nextToken, undefined);
  await client.send(new sdk.DeleteRetentionPolicyCommand(group));
  await client.send(new sdk.DeleteLogStreamCommand(stream));
  assert.equal((await refusal(client.send(new sdk.DeleteLogStreamCommand(stream))))[0], "ResourceNotFoundException");
  await client.send(new sdk.DeleteLogGroupCommand(group));
  const gone = await refusal(client.send(new sdk.DescribeLogStreamsCommand(group)));
  assert.deepEqual(gone, ["ResourceNotFoundException", "The specified log group does not exist."]);
  const wrongDays = client.send(new sdk.PutRetentionPolicyCommand({ ...group, retentionInDays: 8 }));
  assert.equal((await refusal(wrongDays))[0], "InvalidParameterException");
});

const event = (timestamp: number, message = "x") => ({ timestamp, message });
const refused: [string, { timestamp: number; message: string }[], RegExp][] = [
  ["none", [], /logEvents/],
  ["too many", Array.from({ length: 10_001 }, () => event(nowMs)), /logEvents/],
  ["too much", Array.from({ length: 5 }, () => event(nowMs, "x".repeat(210_000))), /Upload too large: 1050130 bytes/],
  ["too large a one", [event(nowMs, "x".repeat(262_119))], /Log event too large: 262145 bytes exceeds limit of 262144/],
  ["out of order", [event(nowMs), event(nowMs - 1)], /must be in chronological order/],
  ["over more than a day", [event(nowMs - day - 1), event(nowMs)], /cannot span more than 24 hours/],
  ["an empty message", [event(nowMs, "")], /message/],
];
test("D3: a batch that AWS would refuse is refused, in its words, and nothing of it is taken", async () => {
  const { client, emitted } = await withStream();
  for (const [what, logEvents, words] of refused) {
    const [name, message] = await refusal(client.send(new sdk.PutLogEventsCommand({ ...stream, logEvents })));
    assert.equal(name, "InvalidParameterException", what);
    assert.match(message, words, what);
  }
  assert.deepEqual(emitted, []);
  const large = [event(nowMs, "x".repeat(262_118))];
  await client.send(new sdk.PutLogEventsCommand({ ...stream, logEvents: large }));
  assert.equal(emitted.length, 1, "the largest is taken");
});

test("D3: events that are too old, expired or too new are left out and told, the others are taken", async () => {
  const { client, emitted } = await withStream();
  const put = async (...times: number[]) => {
    const logEvents = times.map((time) => event(nowMs + time, String(time)));
    return (await client.send(new sdk.PutLogEventsCommand({ ...stream, logEvents }))).rejectedLogEventsInfo;
  };
  assert.deepEqual(await put(-14 * day - 2, -14 * day - 1, -14 * day), { tooOldLogEventEndIndex: 2 });
  assert.deepEqual(await put(0, day / 12, day / 12 + 1), { tooNewLogEventStartIndex: 2 });
  await client.send(new sdk.PutRetentionPolicyCommand({ ...group, retentionInDays: 1 }));
  assert.deepEqual(await put(-day - 1, -day), { expiredLogEventEndIndex: 1 });
  assert.deepEqual(
    emitted.map(({ msg }) => Number(msg)),
    [-14 * day, 0, day / 12, -day],
  );
});

test("D3: only a worker's own token is let in, in its header or in the endpoint's path", async () => {
  const { url, clientWith } = await logsService();
  const list = (client: sdk.CloudWatchLogsClient) => client.send(new sdk.DescribeLogGroupsCommand());
  assert.equal((await list(clientWith(`${url}/token/token`, undefined))).logGroups?.length, 1);
  assert.equal((await refusal(list(clientWith(url, "another"))))[0], "UnrecognizedClientException");
  assert.equal((await refusal(list(clientWith(url, undefined))))[0], "UnrecognizedClientException");
});

test("D3: what is not there, and what is not JSON, is refused in the protocol's shape", async () => {
  const { client, url } = await logsService();
  const [name] = await refusal(client.send(new sdk.ListTagsLogGroupCommand(group)));
  assert.equal(name, "UnknownOperationException");
  for (const [target, body, type] of [
    ["Logs_20140328.toString", "{}", "UnknownOperationException"],
    ["Logs_20140328.CreateLogGroup", "{", "SerializationException"],
    ["Logs_20140328.CreateLogGroup", "7", "InvalidParameterException"],
  ]) {
    const headers = { "x-amz-target": target ?? "", "x-amz-security-token": "token" };
    const answer = await fetch(url, { method: "POST", headers, body: body ?? "" });
    assert.equal(answer.status, 400);
    assert.equal(answer.headers.get("content-type"), "application/x-amz-json-1.1");
    assert.equal(((await answer.json()) as { __type: string }).__type, type);
  }
});

test("D3: without a log store, events cannot be read, and that is said", async () => {
  const { client } = await withStream();
  for (const command of [new sdk.GetLogEventsCommand(stream), new sdk.FilterLogEventsCommand(group)]) {
    const [name, message] = await refusal(client.send(command as sdk.GetLogEventsCommand));
    assert.equal(name, "InvalidOperationException");
    assert.match(message, /ESB_LOGS_URL is not set/);
  }
});

test("D3: events are read page by page, forwards and backwards, and only the function's own", async () => {
  const store = new FakeStore();
  const { client } = await withStream(store);
  store.events = Array.from({ length: 5 }, (_, index) => ({
    timeUs: BigInt(nowMs + index) * 1000n,
    message: `m${index}`,
    logStream: "a",
  }));
  const get = async (input: object) => {
    const found = await client.send(new sdk.GetLogEventsCommand({ ...stream, limit: 2, ...input }));
    return { ...found, texts: found.events?.map(({ message }) => message) };
  };
  const last = await get({});
  assert.deepEqual(last.texts, ["m3", "m4"]);
  assert.deepEqual((await get({ nextToken: last.nextBackwardToken })).texts, ["m1", "m2"]);
  const behind = await get({ nextToken: last.nextForwardToken });
  assert.deepEqual([behind.texts, behind.nextForwardToken], [[], last.nextForwardToken]);
  const first = await get({ startFromHead: true });
  assert.deepEqual(first.texts, ["m0", "m1"]);
  assert.deepEqual((await get({ nextToken: first.nextForwardToken })).texts, ["m2", "m3"]);
  assert.deepEqual((await get({ startTime: nowMs + 1, endTime: nowMs + 3 })).texts, ["m1", "m2"]);
  const texts = ["m0", "m1", "m2", "m3", "m4"];
  for (const endTime of [nowMs + 5, 1e13, Number.MAX_SAFE_INTEGER])
    assert.deepEqual((await get({ endTime, limit: 5 })).texts, texts, String(endTime));
  assert.deepEqual((await get({ nextToken: "b/99999999999999999", limit: 5 })).texts, texts);
  assert.deepEqual((await get({ startTime: Number.MAX_SAFE_INTEGER })).texts, []);
  assert.ok(store.queries.every((query) => query.function === "hello" && query.group === "app"));
  // Behind the year 2262, the store has no times.
  assert.ok(store.queries.every(({ toUs }) => toUs <= BigInt(nowMs + day) * 1000n));
  const all: (string | undefined)[] = [];
  for await (const { events = [] } of sdk.paginateFilterLogEvents({ client, pageSize: 2 }, group)) {
    all.push(...events.map(({ message, logStreamName }) => `${logStreamName} ${message}`));
  }
  assert.deepEqual(all, ["a m0", "a m1", "a m2", "a m3", "a m4"]);
});

test("D3: terms of a filter pattern become LogsQL; patterns of other kinds are refused", () => {
  const rows: [string, string][] = [
    ["", ""],
    ["ERROR", '_msg:"ERROR"'],
    ["ERROR timeout", '_msg:"ERROR" _msg:"timeout"'],
    ['"not found" -debug', '_msg:"not found" !_msg:"debug"'],
    ['-"a b"', '!_msg:"a b"'],
    ['a" | delete', '_msg:"a" _msg:"|" _msg:"delete"'],
    ['"say \\"x\\""', '_msg:"say \\"x\\""'],
    ["\ud800", '_msg:"\ufffd"'],
  ];
  for (const [pattern, expected] of rows) assert.equal(toTextFilter(pattern), expected, pattern);
  for (const pattern of ['{ $.level = "error" }', "[ip, user]", "?a ?b", "%x+%"]) {
    assert.throws(() => toTextFilter(pattern), { name: "InvalidParameterException" });
  }
});
