import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentCallError, type AgentErrorCode } from "../agent/errors.ts";
import { StartsSuspended } from "../breaker/suspended.ts";
import { Refusal, type RefusalReason } from "../pool/errors.ts";
import { toLambdaError } from "./errors.ts";

type Told = readonly [status: number, name: string, retryAfterSeconds?: number];

const badFunction: Told = [502, "InvalidRuntimeException"];
const away: Told = [503, "ServiceException", 1];
const broken: Told = [500, "ServiceException"];
const agentCodes: Readonly<Record<AgentErrorCode, Told>> = {
  INVALID_REQUEST: badFunction,
  IMAGE_NOT_FOUND: badFunction,
  IMAGE_INVALID: badFunction,
  WORKER_START_FAILED: badFunction,
  WORKER_EXITED: badFunction,
  WORKER_OUT_OF_MEMORY: badFunction,
  WORKER_NOT_READY: badFunction,
  WORKER_INIT_FAILED: badFunction,
  IMAGE_PULL_FAILED: [503, "ServiceException", 5],
  MEMORY_EXHAUSTED: [429, "TooManyRequestsException", 1],
  HOST_EXHAUSTED: [503, "ServiceException", 5],
  NETWORK_EXHAUSTED: [502, "SubnetIPAddressLimitReachedException", 5],
  NETWORK_FAILED: [502, "EC2UnexpectedException"],
  RUNTIME_UNAVAILABLE: away,
  AGENT_UNAVAILABLE: away,
  DEADLINE_EXCEEDED: away,
  WORKER_NOT_FOUND: away,
  WORKER_CONFLICT: away,
  INTERNAL: broken,
  UNSPECIFIED: broken,
};
for (const [code, [status, name, retryAfterSeconds]] of Object.entries(agentCodes)) {
  test(`${code} of the agent is ${status} ${name}`, () => {
    const told = toLambdaError(new AgentCallError(code as AgentErrorCode, "so it is"));
    assert.deepEqual([told.status, told.name, told.retryAfterSeconds], [status, name, retryAfterSeconds]);
    const body = JSON.parse(told.body());
    assert.equal(body.Message ?? body.message, status === 429 ? "Rate Exceeded: so it is" : "so it is");
    const passes = status === 429 || status === 503 || name === "SubnetIPAddressLimitReachedException";
    assert.equal(told.retryAfterSeconds !== undefined, passes);
  });
}

const refusals: Readonly<Partial<Record<RefusalReason, Told>>> = {
  "queue-full": [429, "TooManyRequestsException", 1],
  "queue-timeout": [429, "TooManyRequestsException", 1],
  removed: [404, "ResourceNotFoundException"],
};
for (const [reason, [status, name, retryAfterSeconds]] of Object.entries(refusals)) {
  test(`G6: ${reason} is ${status} ${name}`, () => {
    const told = toLambdaError(new Refusal(reason as RefusalReason, "so it is"));
    assert.deepEqual([told.status, told.name, told.retryAfterSeconds], [status, name, retryAfterSeconds]);
    assert.match(told.message, /so it is$/);
  });
}

test("G8: starts that rest are told as the last one failed, with the time until the next in whole seconds", () => {
  const last = new AgentCallError("WORKER_EXITED", "the process ended with code 3");
  const told = toLambdaError(new StartsSuspended(3200, last));
  assert.deepEqual([told.status, told.name, told.retryAfterSeconds], [502, "InvalidRuntimeException", 4]);
  assert.match(told.message, /^the process ended with code 3 \(.* in 4 s\)$/);
});

test("what is not meant for clients is not told to them", () => {
  const told = toLambdaError(new TypeError("cannot read properties of undefined"));
  assert.equal(told.status, 500);
  assert.equal(told.body(), '{"Type":"Server","Message":"Service encountered an internal error"}');
});
