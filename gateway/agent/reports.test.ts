import assert from "node:assert/strict";
import { test } from "node:test";
import { LogStream } from "../../proto/gen/esb/agent/v1/agent.ts";
import { workerInfo } from "../testing/pool-setup.ts";
import type { AgentClient } from "./channel.ts";
import { AgentReports } from "./reports.ts";

interface Printed {
  readonly atMs: number;
  readonly text: string;
}

/** What an agent tells at each asking, one list after the other, the last one for ever. */
function reportsOf(...readings: readonly (readonly Printed[])[]) {
  let reads = 0;
  const client = {
    async *logs() {
      const printed = readings[Math.min(reads++, readings.length - 1)] ?? [];
      for (const { atMs, text } of printed) {
        const timeNs = BigInt(atMs) * 1_000_000n;
        yield { lines: [{ timeNs, stream: LogStream.STDOUT, extension: 0, text: Buffer.from(text), partial: false }] };
      }
    },
    stats: async () => Promise.reject(new Error("away")),
  } as unknown as Pick<AgentClient, "logs" | "stats">;
  const clock = {
    after(_ms: number, callback: () => void) {
      queueMicrotask(callback);
      return () => undefined;
    },
  };
  return { reports: new AgentReports(client, clock), reads: () => reads };
}

const line = (text: string, atMs = 1000): Printed => ({ atMs, text });

test("L1: a worker's lines are read until nothing comes any more; what came later than the end is not among them", async () => {
  const all = [line("one"), line("two", 1019), line("of the next", 1021)];
  const { reports, reads } = reportsOf([], all.slice(0, 1), all);
  assert.deepEqual(await reports.linesBetween(workerInfo("i"), 900, 1000), ["one", "two"]);
  assert.equal(reads(), 4);
});

test("L1: of a function that prints much, the end is kept", async () => {
  const { reports } = reportsOf(Array.from({ length: 100 }, (_, number) => line(`${number} ${"x".repeat(16_000)}`)));
  const lines = (await reports.linesBetween(workerInfo("i"), 900, 1000)) ?? [];
  assert.deepEqual(
    lines.map((text) => Number.parseInt(text, 10)),
    [96, 97, 98, 99],
  );
});

test("L1: an agent that does not tell is no failure", async () => {
  const { reports } = reportsOf([]);
  assert.equal(await reports.memoryBytes(workerInfo("i")), undefined);
});
