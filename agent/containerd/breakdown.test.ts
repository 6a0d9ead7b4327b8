import assert from "node:assert/strict";
import { test } from "node:test";
import { isBreakdown } from "./breakdown.ts";

const table: [words: string, expected: boolean][] = [
  ["ttrpc: closed: unknown", true],
  [
    "OCI runtime create failed: unable to retrieve OCI runtime error (open /x/log.json: no such file or directory): runc did not terminate successfully: exit status 2: unknown",
    true,
  ],
  ["OCI runtime create failed: runc did not terminate successfully: exit status 1: unknown", true],
  ["failed to start shim: start failed: dial unix /run/containerd/s/ea58: connect: connection refused: unknown", true],
  ["cannot start a stopped process: unknown", true],
  ["failed to start shim: mkdir /x/state/io.containerd.runtime.v2.task/esb/a-0: file exists: unknown", true],
  ['failed to start shim: failed to resolve runtime path: runtime "io.containerd.absent.v1" not installed', false],
  // A mistake in ESB_RUNTIME_OPTIONS, which trying again does not mend.
  [
    'OCI runtime create failed: unable to retrieve OCI runtime error (open /x/log.json: no such file or directory): exec: "crunx": executable file not found in $PATH: unknown',
    false,
  ],
  ['OCI runtime create failed: exec: "/nope": stat /nope: no such file or directory: unknown', false],
];

test("a start that the runtime did not survive is told from one that it refused", () => {
  for (const [words, expected] of table) assert.equal(isBreakdown(words), expected, words);
});
