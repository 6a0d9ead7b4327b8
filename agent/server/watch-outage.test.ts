import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientError, Metadata, Status } from "nice-grpc";
import { AgentError } from "../errors.ts";
import { OwnerPresence } from "../workers/owners.ts";
import { until } from "../workers/service.fake.ts";
import { errorCodeTrailer } from "./errors.ts";
import { testServer } from "./server.fake.ts";

test("S5: the runtime's end ends every Watch as unavailable, at once; the next one goes on where that ended", async () => {
  let trouble: AgentError | undefined;
  const ready = () => {
    if (trouble !== undefined) throw trouble;
  };
  await using t = await testServer({ ready });
  t.agent.setServing(true);
  let trailer = Metadata();
  const told: (string | undefined)[] = [];
  let position = "";
  const watching = (async () => {
    const onTrailer = (received: Metadata) => {
      trailer = received;
    };
    for await (const message of t.clients.workers.watch({ owner: "gateway" }, { onTrailer })) {
      told.push(message.event?.$case);
      position = message.position;
    }
  })();
  const failed = assert.rejects(
    watching,
    (error) => error instanceof ClientError && error.code === Status.UNAVAILABLE && /gone/.test(error.details),
  );
  await until(() => told.includes("caughtUp"));
  trouble = new AgentError("RUNTIME_UNAVAILABLE", "containerd is gone");
  t.agent.setServing(false);
  await failed;
  assert.equal(trailer.get(errorCodeTrailer), "RUNTIME_UNAVAILABLE");

  trouble = undefined;
  t.agent.setServing(true);
  for await (const message of t.clients.workers.watch({ owner: "gateway", position })) {
    assert.equal(message.event?.$case, "caughtUp", "nothing was missed");
    break;
  }
});

test("S6: an owner is present while its Watch is open, and each call that names it is a sign of life", async () => {
  const entered: (string | undefined)[] = [];
  let open = 0;
  const presence: Pick<OwnerPresence, "enter"> = {
    enter(owner) {
      entered.push(owner);
      open += 1;
      return {
        [Symbol.dispose]() {
          open -= 1;
        },
      };
    },
  };
  await using t = await testServer({ presence });
  const { workers } = t.clients;
  const leaving = new AbortController();
  const watching = (async () => {
    for await (const { event } of workers.watch({ owner: "line-1" }, { signal: leaving.signal })) {
      if (event?.$case === "caughtUp") entered.push("(caught up)");
    }
  })();
  await until(() => entered.includes("(caught up)"));
  assert.equal(open, 1);
  leaving.abort();
  await assert.rejects(watching, { name: "AbortError" });
  await until(() => open === 0);

  const spec = { name: "hello", image: "localhost/hello:1", memoryMib: 128, timeoutMs: 3000 };
  const { worker } = await workers.ensure({ function: spec, slot: 0, owner: "line-2" });
  await workers.pause({ workerId: worker?.id ?? "" });
  await workers.resume({ workerId: worker?.id ?? "" });
  await workers.list({ owner: "line-3" });
  await workers.list({});
  await workers.destroy({ workerId: worker?.id ?? "" });
  assert.deepEqual(entered, ["line-1", "(caught up)", "line-2", "line-2", "line-2", "line-3", undefined]);
  assert.equal(open, 0);
});

test("S6: also a call that is refused is a sign of life", async () => {
  const presence = new OwnerPresence(() => 7);
  const ready = () => {
    throw new AgentError("RUNTIME_UNAVAILABLE", "containerd is gone");
  };
  await using t = await testServer({ presence, ready });
  const watching = t.clients.workers.watch({ owner: "line-1" })[Symbol.asyncIterator]().next();
  await assert.rejects(watching, (error) => error instanceof ClientError && error.code === Status.UNAVAILABLE);
  assert.deepEqual(presence.stateOf("line-1"), { owner: "line-1", present: false, lastSeenMs: 7 });
});
