import assert from "node:assert/strict";
import { test } from "node:test";
import { firstFunctions } from "./functions.ts";
import type { PlannedRequest } from "./plan.ts";
import { type Circumstances, type Ending, judge } from "./verdict.ts";

const request: PlannedRequest = {
  atMs: 0,
  function: "quick",
  event: { op: "introduce", nonce: "7-1" },
  leaveAfterMs: undefined,
};
const calm: Circumstances = { gatewayDown: false, excuse: () => false, definitions: [firstFunctions.quick] };
const harmed: Circumstances = { ...calm, excuse: (worker) => worker === "quick-0" };
const right = { function: "quick", version: "1", event: { nonce: "7-1", op: "introduce" } };

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Ending {
  return { kind: "answer", status, headers: { "x-esb-start": "warm", ...headers }, body: JSON.stringify(body) };
}
const failed = answer(
  200,
  { errorType: "Runtime.ExitError", errorMessage: "m" },
  { "x-amz-function-error": "Unhandled", "x-esb-worker": "quick-0" },
);
const error = (name: string) => ({ "x-amzn-errortype": name, "retry-after": "1" });

const cases: [what: string, ending: Ending, circumstances: Circumstances, kind: string, violation?: RegExp][] = [
  ["the right answer", answer(200, right), calm, "ok, warm"],
  ["another nonce", answer(200, { ...right, event: { op: "introduce", nonce: "7-2" } }), calm, "wrong", /7-2/],
  ["another function", answer(200, { ...right, function: "rare" }), calm, "wrong", /by rare/],
  ["something more", answer(200, { ...right, event: { ...right.event, x: 1 } }), calm, "wrong", /another event/],
  ["an old version", answer(200, { ...right, version: "0" }), calm, "wrong", /version 0, valid was 1/],
  ["a worker that had one request at a time", answer(200, { ...right, mostAtOnce: 1 }), calm, "ok, warm"],
  ["a worker that had two at once", answer(200, { ...right, mostAtOnce: 2 }), harmed, "wrong", /2 requests at once/],
  ["no JSON", { kind: "answer", status: 200, headers: {}, body: "{" }, calm, "wrong", /not JSON/],
  ["a function error for nothing", failed, calm, "wrong", /nobody harmed quick-0/],
  ["a function error of a worker that was killed", failed, harmed, "function error: Runtime.ExitError"],
  ["429", answer(429, { message: "m" }, error("TooManyRequestsException")), calm, "429 TooManyRequestsException"],
  ["503 in AWS's spelling", answer(503, { Message: "m" }, error("ServiceException")), calm, "503 ServiceException"],
  [
    "503 without Retry-After",
    answer(503, { Message: "m" }, { "x-amzn-errortype": "ServiceException" }),
    calm,
    "503 ServiceException",
    /without Retry-After/,
  ],
  ["502 without a type", answer(502, { message: "m" }), calm, "502 ", /not an honest failure/],
  ["502 without a message", answer(502, {}, error("ServiceException")), calm, "502 ServiceException", /shape/],
  ["500", answer(500, { Message: "m" }, error("ServiceException")), calm, "500 ServiceException", /not an honest/],
  [
    "404 of what is there",
    answer(404, { Message: "m" }, error("ResourceNotFoundException")),
    calm,
    "404 ResourceNotFoundException",
    /not an honest failure/,
  ],
  [
    "404 of what was absent",
    answer(404, { Message: "m" }, error("ResourceNotFoundException")),
    { ...calm, definitions: [undefined] },
    "404, not in the file",
  ],
  ["a reset", { kind: "broken", why: "ECONNRESET", worker: undefined }, calm, "broken", /ECONNRESET/],
  [
    "a reset while the gateway was away",
    { kind: "broken", why: "ECONNRESET", worker: undefined },
    { ...calm, gatewayDown: true },
    "gateway away",
  ],
  ["an answer of a killed worker", { kind: "broken", why: "ended", worker: "quick-0" }, harmed, "answer cut"],
  ["nothing", { kind: "no answer", afterMs: 40_000 }, calm, "no answer", /40000/],
  ["a client that left", { kind: "left" }, calm, "client left"],
];
for (const [what, ending, circumstances, kind, violation] of cases) {
  test(`chaos: the verdict on ${what} is ${violation === undefined ? "" : "a violation, "}${kind}`, () => {
    const verdict = judge(request, ending, circumstances);
    assert.equal(verdict.kind, kind);
    if (violation === undefined) assert.equal(verdict.violation, undefined);
    else assert.match(verdict.violation ?? "", violation);
  });
}

test("chaos: a function that was asked to die must not answer as if it lived", () => {
  const deadly = { ...request, event: { op: "exit", nonce: "7-1" } };
  assert.equal(judge(deadly, failed, calm).kind, "function error, own: Runtime.ExitError");
  assert.match(judge(deadly, answer(200, { ok: true }), calm).violation ?? "", /exit was answered/);
});
