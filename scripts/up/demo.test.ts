import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { listening } from "../../gateway/testing/listen.ts";
import { pausedLine, phasesOf, showDemo } from "./demo.ts";
import { readScriptSettings } from "./settings.ts";

test("a functions.yml without the example is no failure", async () => {
  const asked: unknown[] = [];
  await using server = createServer((request, response) => {
    asked.push(request.headers["x-amz-invocation-type"]);
    response.writeHead(404).end();
  });
  const settings = readScriptSettings({ ESB_GATEWAY_PORT: String(await listening(server)), ESB_FUNCTIONS: "mine.yml" });
  const said: string[] = [];
  await showDemo({ settings, say: (line) => said.push(line), signal: new AbortController().signal });
  assert.deepEqual(said, ['\nmine.yml has no function "hello", so there is nothing to show']);
  assert.deepEqual(asked, ["DryRun"]);
});

test("phases are read from server-timing, and those that took no time are left out", () => {
  assert.equal(
    phasesOf("image;dur=1.24, snapshot;dur=2.5, network;dur=0, ready;desc=x;dur=10"),
    "image 1.2  snapshot 2.5  ready 10.0",
  );
  assert.equal(phasesOf(null), "");
  assert.equal(phasesOf("nonsense"), "");
});

test("a worker is frozen when its own line says so", () => {
  const list = "TASK       PID     STATUS\nhello-01   11      PAUSED\nhello-0    12      RUNNING\n";
  assert.equal(pausedLine(list, "hello-0"), undefined);
  assert.equal(pausedLine(list, "hello-01"), "hello-01 11 PAUSED");
});
