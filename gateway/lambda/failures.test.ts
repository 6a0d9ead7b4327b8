import assert from "node:assert/strict";
import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { AgentCallError } from "../agent/errors.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { invoke } from "./invocation.ts";
import { Reply } from "./reply.ts";

const cases = [
  { what: "an error of our own", error: new TypeError("x is undefined"), status: 500, told: true },
  {
    what: "the agent's own failure",
    error: new AgentCallError("INTERNAL", "see the agent's log"),
    status: 500,
    told: true,
  },
  { what: "an agent that is away", error: new AgentCallError("AGENT_UNAVAILABLE", "away"), status: 503, told: false },
];
for (const { what, error, status, told } of cases) {
  test(`what is answered 500 is logged with the request's id: ${what}`, async () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const failures: unknown[] = [];
    const refuse = () => {
      throw error;
    };
    await invoke(
      {
        id: "r1",
        call: { functionName: "f", traceId: undefined, caller: undefined, awaited: true },
        pool: { tryLease: refuse, wait: refuse },
        headers: [],
        event: Buffer.from("{}"),
      },
      new Reply(response, "r1"),
      {
        clock: new FakeClock(),
        chains: { begin: () => () => undefined, wait: () => () => undefined },
        isGone: () => false,
        isAway: () => false,
        requests: { begin: () => () => undefined },
        onInvocation: () => undefined,
        onFailure: (_what, fields) => failures.push(fields),
      },
    );
    assert.equal(response.statusCode, status);
    assert.deepEqual(failures, told ? [{ requestId: "r1", error }] : []);
  });
}
