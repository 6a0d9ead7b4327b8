import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

/** What a process prints, its lines' time left out. */
function printed(url: string | undefined): unknown[] {
  const module = new URL("./open.ts", import.meta.url).href;
  const script = `import { openShippedLog } from ${JSON.stringify(module)};
    const url = ${url === undefined ? "undefined" : `new URL(${JSON.stringify(url)})`};
    const log = openShippedLog("agent", { LOG_LEVEL: "info", ESB_LOGS_URL: url, ESB_LOGS_BUFFER_MIB: 1 });
    log.logger.debug("unheard");
    log.logger.warn({ worker: "hello-0" }, "a call failed");
    log.logger.child({ a: 1 }).error("it goes on");
    log.emit('{"msg":"of a function"}\\n');
    await log.close();`;
  const lines = execFileSync(process.execPath, ["--input-type=module", "-e", script]).toString().trim().split("\n");
  return lines.map((line) => {
    const { time, reason, ...rest } = JSON.parse(line);
    return rest;
  });
}

const own = [
  { level: "warn", component: "agent", worker: "hello-0", msg: "a call failed" },
  { level: "error", component: "agent", a: 1, msg: "it goes on" },
];

test("O1: without VictoriaLogs all lines are on standard output, also those that others have sent", () => {
  assert.deepEqual(printed(undefined), [...own, { msg: "of a function" }]);
});

test("O1: with it, standard output has the process's own lines as before, and says what could not be shipped", () => {
  // Nobody listens at the discard port.
  assert.deepEqual(printed("http://127.0.0.1:9"), [
    ...own,
    { level: "warn", component: "agent", msg: "log lines cannot be shipped, they wait in memory" },
    { level: "warn", component: "agent", dropped: { end: 3 }, msg: "log lines were dropped unshipped" },
  ]);
});
