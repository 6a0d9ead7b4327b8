import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentCallError } from "../agent/errors.ts";
import type { FunctionDefinition, Functions } from "../functions/definition.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { definition } from "../testing/pool-setup.ts";
import { Breakers } from "./breakers.ts";
import { isFunctionsFault } from "./fault.ts";

const file = (...definitions: FunctionDefinition[]): Functions => new Map(definitions.map((each) => [each.name, each]));

async function setUp() {
  const told: string[] = [];
  const breakers = new Breakers({
    clock: new FakeClock(),
    counts: isFunctionsFault,
    onOpen: (name) => told.push(`open ${name}`),
    onClose: (name) => told.push(`close ${name}`),
  });
  breakers.onFunctions(file(definition("x", "a"), definition("x", "b")));
  const run = (name: string, start: () => Promise<string>) => breakers.run(name, start, new AbortController().signal);
  const fail = (name: string) =>
    run(name, () => Promise.reject(new AgentCallError("IMAGE_INVALID", "no such command"))).catch(() => {});
  for (let time = 0; time < 3; time++) await fail("a");
  return { breakers, told, run, fail };
}

test("G8: one function's breaker is no other's", async () => {
  const { breakers, run, told } = await setUp();
  assert.equal(breakers.state("a"), "open");
  assert.equal(breakers.state("b"), "closed");
  assert.equal(await run("b", async () => "up"), "up");
  assert.deepEqual(told, ["open a"]);
});

test("G8: a changed definition is tried at once; a change of how many or how long is none", async () => {
  const { breakers, run, told } = await setUp();
  const more = { ...definition("x", "a"), concurrency: { min: 1, max: 5, reserved: 0 } };
  breakers.onFunctions(file(more, definition("y", "b")));
  assert.equal(breakers.state("a"), "open");
  breakers.onFunctions(file({ ...more, memoryMib: 256 }));
  assert.equal(breakers.state("a"), "closed");
  assert.equal(await run("a", async () => "up"), "up");
  assert.deepEqual(told, ["open a", "close a"]);
});

test("G8: a function that goes and comes back is tried at once", async () => {
  const { breakers, told } = await setUp();
  breakers.onFunctions(file(definition("x", "b")));
  breakers.onFunctions(file(definition("x", "a"), definition("x", "b")));
  assert.equal(breakers.state("a"), "closed");
  assert.deepEqual(told, ["open a", "close a"]);
});

test("G8: a start of the old definition that fails late does not tell against the new one", async () => {
  const { breakers, run, fail, told } = await setUp();
  breakers.onFunctions(file());
  await fail("a");
  await fail("a");
  const late = Promise.withResolvers<string>();
  const running = run("a", () => late.promise).catch(() => "failed");
  breakers.onFunctions(file(definition("y", "a")));
  late.reject(new AgentCallError("IMAGE_INVALID", "no such command"));
  assert.equal(await running, "failed");
  assert.equal(breakers.state("a"), "closed");
  assert.deepEqual(told, ["open a", "close a"]);
});
