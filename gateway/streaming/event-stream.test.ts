import assert from "node:assert/strict";
import { test } from "node:test";
import { invokeComplete, payloadChunk } from "./event-stream.ts";

/** Headers and body of one message, by the format's own description (smithy.io/2.0/aws/amazon-eventstream.html). */
function parsed(message: Uint8Array) {
  const bytes = Buffer.from(message);
  assert.equal(bytes.readUInt32BE(0), bytes.length);
  const headersEnd = 12 + bytes.readUInt32BE(4);
  const headers: Record<string, string> = {};
  for (let at = 12; at < headersEnd; ) {
    const nameEnd = at + 1 + bytes.readUInt8(at);
    assert.equal(bytes.readUInt8(nameEnd), 7, "a string");
    const valueEnd = nameEnd + 3 + bytes.readUInt16BE(nameEnd + 1);
    headers[bytes.toString("utf8", at + 1, nameEnd)] = bytes.toString("utf8", nameEnd + 3, valueEnd);
    at = valueEnd;
  }
  return { headers, body: bytes.subarray(headersEnd, -4) };
}

test("L5: a piece of the answer is one message, byte for byte", () => {
  const piece = Buffer.from([0, 255, 128, 10]);
  assert.deepEqual(parsed(payloadChunk(piece)), {
    headers: {
      ":event-type": "PayloadChunk",
      ":content-type": "application/octet-stream",
      ":message-type": "event",
    },
    body: piece,
  });
});

test("L5: the end says what is known of it, and nothing else", () => {
  const { headers, body } = parsed(invokeComplete({ ErrorCode: "Unhandled", ErrorDetails: "ä", LogResult: undefined }));
  assert.deepEqual(headers, {
    ":event-type": "InvokeComplete",
    ":content-type": "application/json",
    ":message-type": "event",
  });
  assert.equal(body.toString(), '{"ErrorCode":"Unhandled","ErrorDetails":"ä"}');
  assert.equal(parsed(invokeComplete({})).body.toString(), "{}");
});
