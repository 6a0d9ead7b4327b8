import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { needs } from "../support/controllers.ts";
import { patienceMs, startEsb, type TestEsb, until } from "../support/esb.ts";
import { extensionArchive, extensionImage } from "../support/runtimes/images.ts";

const functions = `
defaults: { timeout: 10, memory: 256, idle: { freezeAfterMs: 0 } }
functions:
  watched: { image: ${extensionImage}, handler: worker.witnessed, concurrency: { max: 1 } }
`;

let esb: TestEsb;

before(async () => {
  esb = await startEsb({ functions, archives: [await extensionArchive()], runtimeApi: true });
});
after(() => esb?.[Symbol.asyncDispose]());

interface Answer {
  readonly instance: string;
  readonly lines: readonly string[];
  readonly telemetry: readonly string[];
  readonly errorType: string;
  readonly errorMessage: string;
}

async function invoke(payload: object = {}) {
  const response = await esb.invoke("watched", payload);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const body = JSON.parse(text) as Partial<Answer>;
  return { body, start: response.headers.get("x-esb-start") };
}

test("L3: an external extension is started before the runtime, and its worker frozen only when it is done", async () => {
  const first = await invoke();
  assert.equal(first.start, "cold");
  assert.equal(first.body.lines?.[0], "registered 200", "before the first invocation");
  await esb.waitForTask("watched-0", "PAUSED");
  const second = await invoke();
  assert.equal(second.start, "thawed");
  // What it did behind the first answer was done before the worker was frozen.
  assert.deepEqual(second.body.lines?.slice(0, 3), ["registered 200", "INVOKE", "done"]);
});

interface TelemetryEvent {
  readonly type: string;
  readonly record: unknown;
}

/** Long enough for an extension that shares a seventh of a processor with its function to be heard meanwhile. */
const waitMs = 3000;

/** What the extension has been sent, once that is among it: it comes in its own time. */
async function telemetryWith(wanted: (event: TelemetryEvent) => boolean): Promise<TelemetryEvent[]> {
  for (let tries = 1; ; tries += 1) {
    const { telemetry = [] } = (await invoke()).body;
    const events: TelemetryEvent[] = telemetry.map((line) => JSON.parse(line));
    if (events.some(wanted) || tries === 20) return events;
  }
}

test("L3: the extension's server, at the sandbox's name, is sent events, reports and all that is printed, in order", async () => {
  const { headers } = await esb.invoke("watched", { waitMs, useMib: 100 });
  const requestId = headers.get("x-amzn-requestid");
  const isOf = ({ record }: TelemetryEvent) =>
    typeof record === "object" && JSON.stringify(record).includes(`"${requestId}"`);
  const isReport = (event: TelemetryEvent) => event.type === "platform.report" && isOf(event);
  const events = await telemetryWith(isReport);
  const begin = events.findIndex((event) => event.type === "platform.start" && isOf(event));
  const end = events.findIndex((event) => event.type === "platform.runtimeDone" && isOf(event));
  assert.ok(begin >= 0 && end > begin, events.map(({ type }) => type).join());
  const printed = events.slice(begin + 1, end);
  const lines = (type: string) => printed.filter((event) => event.type === type).map(({ record }) => String(record));
  assert.match(lines("function").join("\n"), /^[^\n]*\tthe handler runs$/);
  assert.deepEqual(lines("extension"), [`the witness sees ${requestId}`]);
  assert.ok(events.some(({ type }) => type === "platform.initStart"));
  const report = events.find(isReport)?.record as { readonly metrics: Record<string, number> } | undefined;
  const { durationMs = 0, billedDurationMs = 0, memorySizeMB, maxMemoryUsedMB = 0 } = report?.metrics ?? {};
  assert.ok(durationMs > waitMs && billedDurationMs >= durationMs && memorySizeMB === 256, JSON.stringify(report));
  assert.ok(maxMemoryUsedMB > 100 && maxMemoryUsedMB <= 256, JSON.stringify(report));
});

test("L3 L1: what function and extension print is in the log of the invocation, as on AWS, and so is the highest use of memory", async () => {
  await invoke({ useMib: 100 });
  const { headers } = await esb.invoke("watched", { waitMs }, { headers: { "x-amz-log-type": "Tail" } });
  const log = Buffer.from(headers.get("x-amz-log-result") ?? "", "base64").toString();
  const requestId = headers.get("x-amzn-requestid");
  assert.match(log, /\tthe handler runs$/m);
  assert.match(log, new RegExp(`^the witness sees ${requestId}$`, "m"));
  const used = Number(/Max Memory Used: (\d+) MB/.exec(log)?.[1]);
  // Without the controller nobody counts.
  assert.ok(needs("memory").skip === false ? used > 100 : used === 0, log);
});

for (const [status, why] of [
  [9, "exit status 9"],
  [0, "exit code 0"],
] as const) {
  test(`L3: an extension that ends with ${status} takes its worker along, and the next request has a fresh one`, async () => {
    const { body: before } = await invoke();
    const { body: crashed } = await invoke({ crash: status });
    assert.equal(crashed.errorType, "Extension.Crash");
    assert.ok(crashed.errorMessage?.endsWith(`Error: ${why}`), crashed.errorMessage);
    const fresh = await invoke();
    assert.equal(fresh.start, "cold");
    assert.notEqual(fresh.body.instance, before.instance);
  });
}

/** Logging drivers and log files of a worker. */
async function logsOf(workerId: string) {
  const folder = join(esb.settings.ESB_STATE_DIR ?? "", "workers");
  const processes = await Promise.all(
    (await readdir("/proc"))
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return {
    drivers: processes.filter((line) => line.includes("logger.pl") && line.includes(join(folder, `${workerId}.`)))
      .length,
    files: (await readdir(folder)).filter((name) => name.startsWith(`${workerId}.`)).length,
  };
}

test("L3 W8: nothing that keeps a worker's log outlives it, of its extensions neither", async () => {
  await invoke();
  assert.deepEqual(await logsOf("watched-0"), { drivers: 2, files: 1 });
  await esb.workers.destroy({ workerId: "watched-0", graceMs: 0 });
  // A driver ends once it has read to its end.
  await until(async () => assert.deepEqual(await logsOf("watched-0"), { drivers: 0, files: 0 }), patienceMs);
});
