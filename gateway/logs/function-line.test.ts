import assert from "node:assert/strict";
import { test } from "node:test";
import { toFunctionLine } from "./function-line.ts";

const timeMs = Date.UTC(2026, 10, 22, 8) + 1.25;
const fields = {
  function: "hello",
  worker: "hello-0",
  requestId: "known",
  stream: "stdout",
  logGroup: "/aws/lambda/hello",
  logStream: "s",
} as const;
const parsed = (text: string) => JSON.parse(toFunctionLine(text, timeMs, fields));

test("O1: a line of text has its function, worker and request, and its time to the microsecond", () => {
  assert.deepEqual(parsed('said "a\tb"'), {
    level: "info",
    time: "2026-11-22T08:00:00.001250Z",
    component: "function",
    ...fields,
    msg: 'said "a\tb"',
  });
});

const id = "0b9f3f6e-8d5c-4a51-9c0b-2f4f2f0a7d11";
const day = 24 * 3600 * 1000;
const rows: [string, string, { level?: string; time?: string; requestId?: string }][] = [
  [
    "Lambda's JSON",
    '{"timestamp":"2026-11-22T08:00:01.5Z","level":"ERROR","requestId":"own","message":"x"}',
    { level: "error", time: "2026-11-22T08:00:01.500Z", requestId: "own" },
  ],
  [
    "Powertools' JSON",
    '{"level":"WARN","function_request_id":"own","message":"x"}',
    { level: "warn", requestId: "own" },
  ],
  ["JSON of other types", '{"timestamp":5,"level":30,"requestId":null,"a":1}', {}],
  ["Node's text", `2026-11-22T08:00:01.5Z\t${id}\tWARN\tx`, { level: "warn", requestId: id }],
  ["Python's text", `[ERROR]\t2026-11-22T08:00:01.500Z\t${id}\tx`, { level: "error", requestId: id }],
  ["a time of long ago", `{"timestamp":"${new Date(timeMs - 2 * day).toISOString()}"}`, {}],
  ["broken JSON", '{"level":"error"', {}],
  ["nothing", "", {}],
];
for (const [what, text, own] of rows) {
  test(`O1: a line that is ${what} keeps what it says of itself, and its text`, () => {
    const { level, time, requestId, msg } = parsed(text);
    const expected = { level: "info", time: "2026-11-22T08:00:00.001250Z", requestId: "known", ...own };
    assert.deepEqual({ level, time, requestId, msg }, { ...expected, msg: text });
  });
}

for (const [what, text] of [
  ["letters", "x".repeat(2 ** 20)],
  ["what JSON escapes", "\u0001".repeat(130 * 1024)],
  ["what UTF-8 makes longer", "語".repeat(130 * 1024)],
]) {
  test(`O1: a line of very much of ${what} is cut to what VictoriaLogs takes`, () => {
    const line = toFunctionLine(text ?? "", timeMs, fields);
    assert.ok(Buffer.byteLength(line) <= 250 * 1024 && Buffer.byteLength(line) > 150 * 1024);
    assert.ok(JSON.parse(line).msg.endsWith("…"));
  });
}
