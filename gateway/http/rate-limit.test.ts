import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../testing/fake-clock.ts";
import { startRoutes } from "../testing/routes.ts";
import { addressGroup } from "./address-group.ts";
import { type Bucket, type Caller, RateExceeded, RateLimit, takeToken, toRate } from "./rate-limit.ts";

const rate = { perSecond: 2, burst: 4 };
const taken: ReadonlyArray<readonly [string, Bucket | undefined, number, number | { waitMs: number }]> = [
  ["a caller who is new has the whole burst", undefined, 0, 3],
  ["one who has one token left may use it", { tokens: 1, atMs: 0 }, 0, 0],
  ["one who has none waits for one", { tokens: 0, atMs: 0 }, 0, { waitMs: 500 }],
  ["one who has a part of one waits for the rest", { tokens: 0.5, atMs: 0 }, 0, { waitMs: 250 }],
  ["half a second brings one", { tokens: 0, atMs: 0 }, 500, 0],
  ["a long time brings no more than the burst", { tokens: 0, atMs: 0 }, 3_600_000, 3],
];
for (const [what, bucket, nowMs, expected] of taken) {
  test(`G7: token bucket: ${what}`, () => {
    const result = takeToken(rate, bucket, nowMs);
    if (typeof expected === "number") assert.deepEqual(result, { bucket: { tokens: expected, atMs: nowMs } });
    else assert.deepEqual(result, expected);
  });
}

test("G7: in the long run there are as many as the rate says, whatever the requests' rhythm", async () => {
  const clock = new FakeClock();
  const limit = new RateLimit({ perSecond: 10, burst: 5 }, clock);
  let admitted = 0;
  for (let tick = 0; tick < 1000; tick++) {
    await clock.advance(tick % 3 === 0 ? 20 : 5);
    try {
      limit.admit({ kind: "address", address: "192.0.2.1" });
      admitted++;
    } catch (error) {
      assert.ok(error instanceof RateExceeded);
    }
  }
  assert.ok(Math.abs(admitted - (10 * clock.now()) / 1000 - 5) <= 2, `${admitted} in ${clock.now()} ms`);
  assert.equal(limit.throttled, 1000 - admitted);
});

test("G7: each key and each address has a bucket of its own; of IPv6 the /64 network", () => {
  const limit = new RateLimit({ perSecond: 1, burst: 1 }, new FakeClock());
  const callers: Caller[] = [
    { kind: "address", address: "192.0.2.1" },
    { kind: "address", address: "192.0.2.2" },
    { kind: "key", keyId: "192.0.2.1" },
    { kind: "address", address: "2001:db8::1" },
  ];
  for (const caller of callers) limit.admit(caller);
  for (const caller of callers) assert.throws(() => limit.admit(caller), RateExceeded);
  assert.throws(() => limit.admit({ kind: "address", address: "2001:db8::ffff:0:0:2" }), RateExceeded);
  limit.admit({ kind: "address", address: "2001:db8:0:1::1" });
});

const groups: ReadonlyArray<readonly [string, string]> = [
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"],
  ["fe80::1%eth0", "fe80::"],
  ["", ""],
];
for (const [address, group] of groups) {
  test(`limits of address ${address} are those of ${group}`, () => assert.equal(addressGroup(address), group));
}

test("G7: no limit is no limit, and no burst is the limit itself", () => {
  const limit = new RateLimit(toRate(0, 0), new FakeClock());
  for (let count = 0; count < 1000; count++) limit.admit({ kind: "address", address: "192.0.2.1" });
  assert.deepEqual(toRate(7, 0), { perSecond: 7, burst: 7 });
});

test("G7: beyond the rate both APIs answer 429 with Retry-After, esb's own paths do not, and /metrics counts", async () => {
  await using harness = await startRoutes('routes: [{ path: "/{proxy+}", method: ANY, function: hello, auth: none }]', {
    ESB_RATE_LIMIT: "1",
    ESB_RATE_BURST: "2",
    ESB_TRUSTED_PROXIES: "127.0.0.1",
    ESB_LAMBDA_AUTH: "open",
  });
  const from = (address: string) => ({ "x-forwarded-for": address });
  for (let count = 0; count < 2; count++) {
    assert.equal((await harness.request("GET", "/a", from("192.0.2.1"))).status, 200);
    assert.equal((await harness.invoke("hello", "{}", from("192.0.2.2"))).status, 200);
  }
  const api = await harness.request("GET", "/a", from("192.0.2.1"));
  assert.equal(api.status, 429);
  assert.equal(api.body, '{"message":"Too Many Requests"}');
  assert.equal(api.headers["retry-after"], "1");
  const lambda = await harness.invoke("hello", "{}", from("192.0.2.2"));
  assert.equal(lambda.status, 429);
  assert.equal(lambda.headers["x-amzn-errortype"], "TooManyRequestsException");
  assert.equal(lambda.headers["retry-after"], "1");
  assert.deepEqual(JSON.parse(lambda.body), {
    Reason: "CallerRateLimitExceeded",
    Type: "User",
    message: "Rate Exceeded.",
  });
  assert.equal((await harness.request("GET", "/a", from("192.0.2.3"))).status, 200);
  assert.match((await harness.get("/metrics")).body, /^esb_requests_throttled_total 2$/m);
});

test("G7: who guesses tokens or keys is held back by address, before they are looked at; a key has its own rate beside it", async () => {
  const routes = `routes:
  - { path: /token, method: GET, function: hello }
  - { path: /key, method: GET, function: hello, auth: api-key }`;
  await using harness = await startRoutes(routes, {
    ESB_RATE_LIMIT: "1",
    ESB_RATE_BURST: "2",
    ESB_TRUSTED_PROXIES: "127.0.0.1",
    ESB_LAMBDA_AUTH: "required",
  });
  const from = (address: string, headers = {}) => ({ "x-forwarded-for": address, ...headers });
  const statuses = async (ask: () => Promise<{ status: number }>) => {
    const all: number[] = [];
    for (let count = 0; count < 3; count++) all.push((await ask()).status);
    return all;
  };
  const guessed = { authorization: "Bearer guessed" };
  assert.deepEqual(await statuses(() => harness.request("GET", "/token", from("192.0.2.1", guessed))), [401, 401, 429]);
  assert.deepEqual(await statuses(() => harness.invoke("hello", "{}", from("192.0.2.2", guessed))), [403, 403, 429]);
  const key = { "x-api-key": "esb-development-key" };
  let host = 10;
  assert.deepEqual(
    await statuses(() => harness.request("GET", "/key", from(`192.0.2.${host++}`, key))),
    [200, 200, 429],
  );
});
