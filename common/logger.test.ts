import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { test } from "node:test";

test("O1: a line is an event with its fields, its level in words and its time in ISO 8601", () => {
  const script = `import { createLogger } from ${JSON.stringify(new URL("./logger.ts", import.meta.url).href)};
    const logger = createLogger("agent", "info");
    logger.debug("unheard");
    logger.warn({ worker: "hello-0", err: new Error("no") }, "a call failed");`;
  const lines = execFileSync(process.execPath, ["--input-type=module", "-e", script]).toString().trim().split("\n");
  assert.equal(lines.length, 1);
  const { time, err, ...rest } = JSON.parse(lines[0] ?? "");
  assert.deepEqual(rest, { level: "warn", component: "agent", worker: "hello-0", msg: "a call failed" });
  assert.equal(new Date(time).toISOString(), time);
  assert.equal(err.message, "no");
});

test("O1, S5: a full disk under the log does not end the process", () => {
  const script = `import { createLogger } from ${JSON.stringify(new URL("./logger.ts", import.meta.url).href)};
    const logger = createLogger("agent", "info");
    for (let line = 0; line < 5000; line += 1) logger.warn({ line }, "x".repeat(1000));
    setTimeout(() => process.stderr.write("alive"), 10);`;
  const full = openSync("/dev/full", "w");
  const args = ["--input-type=module", "-e", script];
  const { status, stderr } = spawnSync(process.execPath, args, { stdio: ["ignore", full, "pipe"] });
  closeSync(full);
  assert.deepEqual([status, stderr.toString()], [0, "alive"]);
});
