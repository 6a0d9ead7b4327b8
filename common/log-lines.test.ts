import assert from "node:assert/strict";
import { test } from "node:test";
import { LogStream } from "../proto/gen/esb/agent/v1/agent.ts";
import { LineJoiner } from "./log-lines.ts";

test("W9 L3: parts of long lines that a function and its extensions print at a time are put together each for itself", () => {
  const part = (text: string, extension: number, partial: boolean, stream: LogStream = LogStream.STDOUT) => ({
    timeNs: 1_500_000n,
    stream,
    extension,
    text: Buffer.from(text),
    partial,
  });
  const joiner = new LineJoiner();
  const begun = [part("func", 0, true), part("ext", 1, true), part("err", 0, true, LogStream.STDERR)];
  assert.deepEqual(joiner.join("i", begun), []);
  const ended = [part("ension", 1, false), part("tion", 0, false), part("or", 0, false, LogStream.STDERR)];
  assert.deepEqual(joiner.join("i", ended), [
    { timeMs: 1.5, stream: "stdout", extension: 1, text: "extension" },
    { timeMs: 1.5, stream: "stdout", extension: 0, text: "function" },
    { timeMs: 1.5, stream: "stderr", extension: 0, text: "error" },
  ]);
});
