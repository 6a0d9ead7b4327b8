import assert from "node:assert/strict";
import { test } from "node:test";
import { apiRequest } from "../testing/api-requests.ts";
import { PreludeReader } from "./prelude.ts";

/** What becomes of a stream that begins with these bytes, which come in pieces of a size. */
function read(bytes: Buffer, size: number) {
  const reader = new PreludeReader();
  for (let at = 0; at < bytes.length; at += size) {
    const found = reader.add(bytes.subarray(at, at + size), apiRequest());
    if (found !== undefined) return { ...found, at: at + size };
  }
  return undefined;
}

const stream = (told: unknown, body = "") =>
  Buffer.concat([Buffer.from(JSON.stringify(told)), Buffer.alloc(8), Buffer.from(body)]);

test("L5: a stream's status, headers and cookies, whatever the pieces in which they come", () => {
  const told = { statusCode: 201, headers: { "X-A": "b", "Content-Length": "9" }, cookies: ["c=d"] };
  const bytes = stream(told, "body");
  for (const size of [1, 3, 7, bytes.length]) {
    const found = read(bytes, size);
    assert.ok(found?.kind === "whole", `in pieces of ${size}`);
    assert.equal(found.head.status, 201);
    assert.deepEqual(found.head.headers, ["X-A", "b", "set-cookie", "c=d", "content-type", "application/octet-stream"]);
    assert.equal(found.rest.toString(), "body".slice(0, found.at - bytes.length + 4));
  }
});

test("L5: a stream that says nothing of itself is a 200 of bytes; one with zeros in its body keeps them", () => {
  const found = read(Buffer.concat([stream({}), Buffer.alloc(9)]), 1000);
  assert.ok(found?.kind === "whole");
  assert.deepEqual([found.head.status, found.rest], [200, Buffer.alloc(9)]);
});

test("L5: what is no beginning of a stream is malformed, and one without an end soon is", () => {
  for (const told of [1, null, "text", { statusCode: 99 }, { statusCode: "many" }, { headers: [] }, { cookies: "a" }]) {
    assert.equal(read(stream(told), 5)?.kind, "malformed", JSON.stringify(told));
  }
  assert.equal(read(Buffer.concat([Buffer.from("{"), Buffer.alloc(8)]), 5)?.kind, "malformed");
  assert.equal(read(Buffer.alloc(64 * 1024, "x"), 1000), undefined);
  assert.equal(read(Buffer.alloc(64 * 1024 + 1, "x"), 1000)?.kind, "malformed");
});
