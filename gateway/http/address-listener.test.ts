import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, settled } from "../testing/fake-clock.ts";
import { AddressListener } from "./address-listener.ts";

function setUp() {
  const clock = new FakeClock();
  /** What happened, in order. */
  const events: string[] = [];
  /** Addresses that there are. */
  const present = new Set<string>();
  const listener = new AddressListener({
    clock,
    create: () => ({
      async listen(address) {
        if (!present.has(address)) throw new Error(`EADDRNOTAVAIL ${address}`);
      },
      close: async () => void events.push("closed"),
    }),
    onListening: (address) => events.push(`listens at ${address}`),
    onTrouble: (_, error) => events.push(error.message),
  });
  return { clock, events, present, listener };
}

test("L7: it listens as soon as the address is there, and tells of the wait once", async () => {
  const { clock, events, present, listener } = setUp();
  listener.want("10.63.0.1");
  await clock.advance(5000);
  assert.deepEqual(new Set(events), new Set(["closed", "EADDRNOTAVAIL 10.63.0.1"]));
  assert.equal(events.filter((event) => event.startsWith("EADDR")).length, 1);
  assert.equal(listener.address, undefined);
  assert.match(listener.trouble?.message ?? "", /EADDRNOTAVAIL/);
  present.add("10.63.0.1");
  await clock.advance(1000);
  assert.equal(events.at(-1), "listens at 10.63.0.1");
  assert.deepEqual([listener.address, listener.trouble], ["10.63.0.1", undefined]);
  assert.equal(clock.timers, 0);
});

test("L7: an address that it has already is left alone; for another one, that is given up", async () => {
  const { events, present, listener } = setUp();
  present.add("10.63.0.1").add("10.64.0.1");
  listener.want("10.63.0.1");
  listener.want("10.63.0.1");
  await settled();
  assert.deepEqual(events, ["listens at 10.63.0.1"]);
  listener.want("10.64.0.1");
  await settled();
  assert.deepEqual(events, ["listens at 10.63.0.1", "closed", "listens at 10.64.0.1"]);
  listener.want("");
  await settled();
  assert.equal(events.at(-1), "closed");
});

test("L7: once closed it tries no more, whatever comes", async () => {
  const { clock, events, present, listener } = setUp();
  listener.want("10.63.0.1");
  await settled();
  await listener.close();
  present.add("10.63.0.1");
  listener.want("10.63.0.1");
  await clock.advance(10_000);
  assert.ok(!events.some((event) => event.startsWith("listens")));
  assert.equal(clock.timers, 0);
});
