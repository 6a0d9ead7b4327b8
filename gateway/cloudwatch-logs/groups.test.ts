import assert from "node:assert/strict";
import { test } from "node:test";
import { LogGroups } from "./groups.ts";

const none = { groups: [], streams: [] };

test("D3: groups and streams go on in the gateway's next life, and the order in which streams were used", () => {
  const groups = new LogGroups(none);
  groups.createGroup("g", 1);
  groups.setRetention("g", 7);
  for (const name of ["a", "b"]) groups.createStream("g", name, 2);
  groups.touch(groups.stream("g", "a"), 3, 4, 5);
  const next = new LogGroups(JSON.parse(JSON.stringify(groups.content)));
  assert.deepEqual(next.content, groups.content);
  assert.equal(next.group("g").retentionDays, 7);
  assert.equal(next.stream("g", "a").lastEventMs, 4);
});

test("D3: what is kept is bounded: groups are refused, the stream that was out of use for longest is forgotten", () => {
  const groups = new LogGroups(none);
  for (let index = 0; index < 1000; index++) groups.createGroup(`g${index}`, 1);
  assert.throws(() => groups.createGroup("one more", 1), { name: "LimitExceededException" });
  for (let index = 0; index < 10_000; index++) groups.createStream("g0", `s${index}`, 1);
  groups.stream("g0", "s0");
  groups.createStream("g0", "one more", 1);
  assert.equal(groups.stream("g0", "s0").name, "s0");
  assert.throws(() => groups.stream("g0", "s1"), { name: "ResourceNotFoundException" });
  assert.equal(groups.streams("g0").length, 10_000);
});
