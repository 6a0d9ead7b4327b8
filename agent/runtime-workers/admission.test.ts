import assert from "node:assert/strict";
import { test } from "node:test";
import { functionSpec, identity } from "../workers/worker.fake.ts";
import { admissionOf } from "./admission.ts";

const place = {
  driver: "runtime-api",
  endpoint: { host: "254.0.0.9", port: 8080 },
  sourceAddress: "10.0.0.9",
} as const;

for (const [name, initAgain, expected] of [
  ["a first init phase has what the settings say", undefined, 10_000],
  ["one that is known to be the first, too", false, 10_000],
  ["a second one has the function's own time, be it less or more", true, 3000],
] as const) {
  test(`L3: ${name}`, () => {
    const request = {
      identity: identity(),
      function: functionSpec({ timeoutMs: 3000 }),
      ...(initAgain === undefined ? {} : { initAgain }),
    };
    const admission = admissionOf(request, place, [], { region: "r", initTimeoutMs: 10_000 });
    assert.deepEqual([admission.initTimeoutMs, admission.timeoutMs], [expected, 3000]);
  });
}
