import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { LambdaError } from "../../http/errors.ts";
import { WorkerCheck } from "./worker.ts";

const digest = (token: string) => createHash("sha256").update(token).digest("hex");
const one = { id: "one-0", tokenDigest: digest("token of one") };
const other = { id: "other-0", tokenDigest: digest("token of other") };
const damaged = { id: "damaged-0", tokenDigest: "not hexadecimal" };
const check = new WorkerCheck((address) => ({ "10.63.0.7": [damaged, one], "10.63.0.8": [other] })[address] ?? []);
const ask = (token: string | string[] | undefined, remoteAddress: string | undefined) =>
  check.check({
    method: "POST",
    url: "/2015-03-31/functions/hello/invocations",
    headers: token === undefined ? {} : { "x-amz-security-token": token },
    remoteAddress,
  });

test("L7: a worker is known by its token, from its own address", () => {
  assert.deepEqual(ask("token of one", "10.63.0.7"), { kind: "worker", name: "one-0" });
  assert.deepEqual(ask("token of other", "10.63.0.8"), { kind: "worker", name: "other-0" });
});

for (const [name, token, address] of [
  ["another worker's token", "token of other", "10.63.0.7"],
  ["its token from another worker's address", "token of one", "10.63.0.8"],
  ["its token from where no worker is", "token of one", "10.63.0.9"],
  ["its token's digest", digest("token of one"), "10.63.0.7"],
  ["a piece of its token", "token of on", "10.63.0.7"],
  ["an empty token", "", "10.63.0.7"],
] as const) {
  test(`L7: ${name} is refused`, () => {
    assert.throws(
      () => ask(token, address),
      (error) => error instanceof LambdaError && error.name === "UnrecognizedClientException" && error.status === 403,
    );
  });
}

test("L7: without a token, or an address, these are no credentials of a worker", () => {
  assert.equal(ask(undefined, "10.63.0.7"), undefined);
  assert.equal(ask(["token of one", "x"], "10.63.0.7"), undefined);
  assert.equal(ask("token of one", undefined), undefined);
});
