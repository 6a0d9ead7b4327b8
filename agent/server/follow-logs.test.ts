import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientError, Status } from "nice-grpc";
import type { FollowedLines } from "../logs/follow.ts";
import type { LogFollower } from "./follow-logs.ts";
import { testServer } from "./server.fake.ts";

const spec = { name: "hello", image: "localhost/hello:1", memoryMib: 128, timeoutMs: 3000 };

type Request = Parameters<LogFollower["follow"]>[0];

/** Tells a line of each worker that is wanted, then waits. */
function fakeFollower(owners: () => readonly FollowedLines["owner"][]) {
  const asked: Request[] = [];
  const logFollower: LogFollower = {
    async *follow(request) {
      asked.push(request);
      for (const owner of owners().filter(request.isWanted)) {
        const line = {
          timeNs: 7n,
          stream: "stdout",
          extension: 0,
          text: Buffer.from(owner.id),
          partial: false,
        } as const;
        yield { owner, lines: [line], position: { number: 2, offset: 12 } };
      }
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
    },
  };
  return { asked, logFollower };
}

test("O1: FollowLogs tells lines of an owner's workers with function, log stream and where to go on", async () => {
  const owners: FollowedLines["owner"][] = [];
  const { asked, logFollower } = fakeFollower(() => owners);
  await using t = await testServer({ logFollower });
  const { workers } = t.clients;
  const mine = (await workers.ensure({ function: spec, slot: 0, owner: "line-1" })).worker;
  const other = (await workers.ensure({ function: spec, slot: 0, owner: "line-2" })).worker;
  assert.ok(mine !== undefined && other !== undefined);
  for (const { id, instanceId } of [other, mine]) owners.push({ id, instanceId });
  owners.push({ id: mine.id, instanceId: "from-before" });

  const positions = [{ instanceId: mine.instanceId, file: 1n, offset: 5n }];
  const following = workers.followLogs({ owner: "line-1", positions, sinceNs: 3n })[Symbol.asyncIterator]();
  const { value } = await following.next();
  assert.equal(value?.workerId, mine.id);
  assert.equal(value?.function, "hello");
  assert.match(value?.logStreamName ?? "", /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\]/);
  assert.equal(value?.lines[0]?.text.toString(), mine.id);
  assert.deepEqual(value?.position, { instanceId: mine.instanceId, file: 2n, offset: 12n });
  assert.deepEqual(asked[0]?.positions, new Map([[mine.instanceId, { number: 1, offset: 5 }]]));
  assert.equal(asked[0]?.sinceNs, 3n);

  const ended = assert.rejects(following.next(), (error) => error instanceof ClientError);
  await t.agent.end(10_000);
  await ended;
});

test("O1: FollowLogs needs an owner", async () => {
  await using t = await testServer(fakeFollower(() => []));
  await assert.rejects(
    t.clients.workers.followLogs({ owner: "" })[Symbol.asyncIterator]().next(),
    (error) => error instanceof ClientError && error.code === Status.INVALID_ARGUMENT,
  );
});
