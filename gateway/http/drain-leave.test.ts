import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { FakeClock, settled } from "../testing/fake-clock.ts";
import { Connections } from "./connections.ts";
import { Drain } from "./drain.ts";

const reply = (told: string[]) => ({
  handedOn: false,
  closeAfter: () => void told.push("close"),
  giveUp: () => void told.push("given up"),
});

test("D1 S4: a gateway that leaves tells who is there to go, and still admits requests, until it waits for the last", async () => {
  const drain = new Drain(new FakeClock());
  const told: string[] = [];
  const first = drain.enter(reply(told));
  drain.leave();
  assert.deepEqual([told, drain.stopping], [["close"], true]);
  const second = drain.enter(reply([]));
  const finished = drain.finish(1000);
  assert.throws(() => drain.enter(reply([])));
  first[Symbol.dispose]();
  second[Symbol.dispose]();
  assert.equal(await finished, 0);
});

test("D1 S4: it waits for the connections that are open, not for those that come, and no longer than it may", async () => {
  const clock = new FakeClock();
  const connections = new Connections({ most: 10, mostPerAddress: 10, isProxy: () => false });
  const enter = () => {
    const socket = Object.assign(new EventEmitter(), { remoteAddress: "192.0.2.1" });
    connections.enter(socket as unknown as Socket);
    return socket;
  };
  const gone: string[] = [];
  const wait = (name: string) => void connections.gone(clock, 100).then(() => gone.push(name));
  const old = enter();
  wait("of one that closes");
  enter();
  old.emit("close");
  await settled();
  assert.deepEqual([gone, clock.timers], [["of one that closes"], 0]);
  wait("of one that stays");
  await clock.advance(99);
  assert.equal(gone.length, 1);
  await clock.advance(1);
  assert.equal(gone.length, 2);
});
