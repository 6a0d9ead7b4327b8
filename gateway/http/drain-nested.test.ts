import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock, settled } from "../testing/fake-clock.ts";
import { Drain, type PendingReply } from "./drain.ts";
import { LambdaError } from "./errors.ts";

class FakeReply implements PendingReply {
  readonly handedOn = true;
  readonly told: string[] = [];

  closeAfter(): void {
    this.told.push("close");
  }

  giveUp(error: LambdaError): void {
    this.told.push(`given up ${error.status}`);
  }
}

const refusal = (error: unknown) => error instanceof LambdaError && error.status === 503;

test("S4 L7: while others are waited for, functions' own requests are admitted and waited for, and clients' are not", async () => {
  const drain = new Drain(new FakeClock());
  const outer = drain.enter(new FakeReply());
  let ended = false;
  void drain.finish(1000).then(() => {
    ended = true;
  });
  assert.throws(() => drain.enter(new FakeReply()), refusal);
  const nested = drain.enterNested(new FakeReply());
  outer[Symbol.dispose]();
  await settled();
  assert.equal(ended, false, "the nested one still runs");
  nested[Symbol.dispose]();
  await settled();
  assert.equal(ended, true);
  assert.throws(() => drain.enterNested(new FakeReply()), refusal, "nobody waits for it");
});

test("S4 L7: functions' own requests keep no gateway from its end", async () => {
  const clock = new FakeClock();
  const drain = new Drain(clock);
  const [outer, nested] = [new FakeReply(), new FakeReply()];
  using _outer = drain.enter(outer);
  const finished = drain.finish(1000);
  using _nested = drain.enterNested(nested);
  await clock.advance(1000);
  assert.equal(await finished, 2);
  assert.deepEqual([outer.told, nested.told], [["close", "given up 503"], ["given up 503"]]);
  assert.throws(() => drain.enterNested(new FakeReply()), refusal);
});
