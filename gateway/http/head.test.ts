import assert from "node:assert/strict";
import { test } from "node:test";
import { headProblem, largestHeaderValuesBytes, longestTarget, mostHeaders } from "./head.ts";

const host = ["host", "x"];
const values = (bytes: number) => ["x", "a".repeat(bytes)];
const headers = (count: number) => Array.from({ length: count }, () => ["x", "1"]).flat();

const cases: ReadonlyArray<readonly [string, Partial<Parameters<typeof headProblem>[0]>, string | undefined]> = [
  ["a plain request", {}, undefined],
  ["the longest target", { url: `/${"a".repeat(longestTarget - 1)}` }, undefined],
  ["a longer one", { url: `/${"a".repeat(longestTarget)}` }, "TARGET_TOO_LONG"],
  ["the largest headers", { rawHeaders: [...host, ...values(largestHeaderValuesBytes - 1)] }, undefined],
  ["larger ones", { rawHeaders: [...host, ...values(largestHeaderValuesBytes)] }, "HEAD_TOO_LARGE"],
  ["larger ones together", { rawHeaders: [...host, ...values(6000), ...values(6000)] }, "HEAD_TOO_LARGE"],
  ["the most headers", { rawHeaders: [...host, ...headers(mostHeaders - 1)] }, undefined],
  ["more", { rawHeaders: [...host, ...headers(mostHeaders)] }, "HEAD_TOO_LARGE"],
  ["no Host", { rawHeaders: [] }, "MALFORMED"],
  ["no Host in HTTP/1.0", { rawHeaders: [], httpVersion: "1.0" }, undefined],
  ["two Hosts, however they are spelt", { rawHeaders: ["Host", "x", "HOST", "x"] }, "MALFORMED"],
  ["an address and a port", { rawHeaders: ["Host", "[2001:db8::1]:8080"] }, undefined],
  ["a name with an underscore", { rawHeaders: ["Host", "a_b.example:80"] }, undefined],
  ["a Host in UTF-8", { rawHeaders: ["Host", "b\u00fccher.example"] }, "MALFORMED"],
  ["chunked, however it is spelt", { rawHeaders: [...host, "Transfer-Encoding", "CHUNKED"] }, undefined],
  ["a method that nobody serves but all know", { method: "PURGE" }, undefined],
  ["a method that nobody knows", { method: "FOO" }, "MALFORMED"],
  ["a method that every object knows", { method: "constructor" }, "MALFORMED"],
  ["OPTIONS *", { method: "OPTIONS", url: "*" }, undefined],
  ["GET *", { url: "*" }, "MALFORMED"],
  [
    "HTTP/2 with an authority, as a host too",
    { httpVersion: "2.0", rawHeaders: [":authority", "x", "host", "x"] },
    undefined,
  ],
  [
    "HTTP/2 with another host than its authority",
    { httpVersion: "2.0", rawHeaders: [":authority", "x", "host", "y"] },
    "MALFORMED",
  ],
];
for (const [what, given, expected] of cases) {
  test(`G7: head: ${what}: ${expected ?? "good"}`, () => {
    const head = { method: "GET", url: "/", httpVersion: "1.1", rawHeaders: host, ...given };
    assert.equal(headProblem(head)?.name, expected);
  });
}
