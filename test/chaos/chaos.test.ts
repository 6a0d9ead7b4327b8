import assert from "node:assert/strict";
import { test } from "node:test";
import { runChaos } from "./run.ts";

test("S1 S3 S4 S5 S7 G6: a minute of chaos, in which no answer is wrong and after which nothing is left", async (t) => {
  const { report, violations, artefacts } = await runChaos({
    seed: 10,
    minutes: 1,
    signal: t.signal,
    say: () => undefined,
  });
  for (const line of report.split("\n")) t.diagnostic(line);
  assert.equal(violations.length, 0, `logs: ${artefacts}\n${violations.slice(0, 20).join("\n")}`);
});
