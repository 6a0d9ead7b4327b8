import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientError, Metadata, Status } from "nice-grpc";
import type { CallOptions } from "nice-grpc-common";
import { FunctionError } from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentError } from "../errors.ts";
import { hang } from "../workers/runtime.fake.ts";
import { until } from "../workers/service.fake.ts";
import { errorCodeTrailer, functionErrorTrailer } from "./errors.ts";
import { testServer } from "./server.fake.ts";

const request = {
  function: { name: "hello", image: "localhost/hello:1", memoryMib: 128, timeoutMs: 3000 },
  slot: 0,
  owner: "gateway",
};

/** How a call fails for its client: status, code in the trailer, message. */
async function failure(call: (options: CallOptions) => Promise<unknown>): Promise<[Status, string, string]> {
  let trailer = Metadata();
  const onTrailer = (received: Metadata) => {
    trailer = received;
  };
  try {
    await call({ onTrailer });
  } catch (error) {
    if (error instanceof ClientError) return [error.code, trailer.get(errorCodeTrailer) ?? "", error.details];
    throw error;
  }
  return assert.fail("it succeeded");
}

test("our errors cross the wire with status, code and message", async () => {
  await using t = await testServer();
  const { workers } = t.clients;
  for (const [error, status, level] of [
    [new AgentError("IMAGE_NOT_FOUND", "no localhost/hello:1\nanywhere: é"), Status.NOT_FOUND, "info"],
    [new AgentError("WORKER_START_FAILED", "exec: no such file"), Status.FAILED_PRECONDITION, "info"],
    [new AgentError("NETWORK_EXHAUSTED", "no address is left"), Status.RESOURCE_EXHAUSTED, "warn"],
    [new AgentError("RUNTIME_UNAVAILABLE", "the runtime broke down"), Status.UNAVAILABLE, "warn"],
  ] as const) {
    t.runtime.at("image", () => Promise.reject(error));
    assert.deepEqual(await failure((options) => workers.ensure(request, options)), [status, error.code, error.message]);
    assert.equal(t.logged.at(-1), `${level} ${error.code} ${error.message}`);
  }
});

test("L3: a failed init crosses the wire with what its callers are told, in whatever words, and no more than fits", async () => {
  await using t = await testServer();
  for (const [payload, kept] of [
    ['{"errorType":"X"}', '{"errorType":"X"}'],
    ["x".repeat(100_000), ""],
  ] as const) {
    const functionError = { errorType: "X", errorMessage: "no space left on device", payload: Buffer.from(payload) };
    t.runtime.at("image", () => {
      throw new AgentError("WORKER_INIT_FAILED", "init: no space left on device", { functionError });
    });
    let told: FunctionError | undefined;
    const onTrailer = (trailer: Metadata) => {
      told = FunctionError.decode(trailer.get(functionErrorTrailer) ?? Buffer.alloc(0));
    };
    const ensure = (options: CallOptions) => t.clients.workers.ensure(request, options);
    assert.equal((await failure(ensure))[1], "WORKER_INIT_FAILED");
    await assert.rejects(ensure({ onTrailer }));
    assert.deepEqual([told?.errorType, told?.errorMessage], ["X", "no space left on device"]);
    assert.equal(told?.payload.toString(), kept);
  }
});

test("an error that says that the machine has run out of something is told as that, whoever noticed", async () => {
  await using t = await testServer();
  for (const error of [
    new Error("ENOSPC: no space left on device, write"),
    new AgentError("WORKER_START_FAILED", "fork/exec /usr/bin/shim: no space left on device"),
  ]) {
    t.runtime.at("image", () => Promise.reject(error));
    const [status, code, details] = await failure((options) => t.clients.workers.ensure(request, options));
    assert.deepEqual([status, code], [Status.RESOURCE_EXHAUSTED, "HOST_EXHAUSTED"]);
    assert.match(details, /^the host has no disk space left: .*no space left on device/);
    assert.match(t.logged.at(-1) ?? "", /^warn HOST_EXHAUSTED /);
  }
});

test("an unknown error crosses the wire without its detail, which is logged", async () => {
  await using t = await testServer();
  for (const error of [new Error("secret"), new AgentError("INTERNAL", "secret"), new TypeError("secret")]) {
    t.runtime.at("image", () => Promise.reject(error));
    const failed = await failure((options) => t.clients.workers.ensure(request, options));
    assert.deepEqual(failed, [Status.INTERNAL, "INTERNAL", "internal error"]);
    assert.equal(t.logged.at(-1), "error INTERNAL secret");
  }
});

test("a message that is too long for a header is cut, not the call", async () => {
  await using t = await testServer();
  t.runtime.at("image", () => Promise.reject(new AgentError("WORKER_START_FAILED", "é".repeat(100_000))));
  const [status, code, details] = await failure((options) => t.clients.workers.ensure(request, options));
  assert.deepEqual([status, code], [Status.FAILED_PRECONDITION, "WORKER_START_FAILED"]);
  assert.match(details, /^é{1000,}…$/);
});

test("a missing field is INVALID_ARGUMENT and names the field, before anything is touched", async () => {
  await using t = await testServer();
  const { workers } = t.clients;
  const calls: [(options: CallOptions) => Promise<unknown>, string][] = [
    [(options) => workers.ensure({}, options), "function: is required"],
    [(options) => workers.destroy({}, options), "worker_id: must be <function>-<slot>"],
    [
      (options) => workers.destroy({ workerId: "a-0", graceMs: 900_001 }, options),
      "grace_ms: must be from 0 to 900000",
    ],
    [(options) => workers.pause({ workerId: "../a-0" }, options), "worker_id: must be <function>-<slot>"],
    [(options) => workers.resume({}, options), "worker_id: must be <function>-<slot>"],
    [(options) => workers.stats({}, options), "worker_id: must be <function>-<slot>"],
    [(options) => workers.list({ owner: "/" }, options), "owner: must be 1 to 64 letters, digits, -, _ or ."],
  ];
  for (const [call, expected] of calls) {
    const [status, code, details] = await failure(call);
    assert.deepEqual([status, code], [Status.INVALID_ARGUMENT, "INVALID_REQUEST"]);
    assert.ok(details.startsWith(expected), details);
  }
  assert.deepEqual(t.runtime.calls, []);
});

test("a client that cancels, or whose deadline passes, cancels the work; nothing is left", async () => {
  await using t = await testServer();
  t.runtime.at("snapshot", hang);
  const controller = new AbortController();
  const cancelled = t.clients.workers.ensure(request, { signal: controller.signal });
  await until(() => t.runtime.count("snapshot") === 1);
  controller.abort();
  await assert.rejects(cancelled, { name: "AbortError" });
  await until(() => t.runtime.workers.size === 0);

  const metadata = Metadata({ "grpc-timeout": "20m" });
  const late = t.clients.workers.ensure(request, { metadata });
  await assert.rejects(late, (error) => error instanceof ClientError);
  await until(() => t.runtime.workers.size === 0);
  assert.deepEqual(t.logged, [], "a client that leaves is no event for an operator");
});

test("an agent that cannot work says why, after it has looked at the request", async () => {
  const ready = () => {
    throw new AgentError("RUNTIME_UNAVAILABLE", "containerd at /run/x does not answer");
  };
  await using t = await testServer({ ready });
  const { workers, images } = t.clients;
  const expected = [Status.UNAVAILABLE, "RUNTIME_UNAVAILABLE", "containerd at /run/x does not answer"];
  const reference = { workerId: "hello-0" };
  for (const call of [
    (options: CallOptions) => workers.ensure(request, options),
    (options: CallOptions) => workers.destroy(reference, options),
    (options: CallOptions) => workers.pause(reference, options),
    (options: CallOptions) => workers.resume(reference, options),
    (options: CallOptions) => workers.stats(reference, options),
    (options: CallOptions) => workers.list({}, options),
    (options: CallOptions) => workers.watch({}, options)[Symbol.asyncIterator]().next(),
    (options: CallOptions) => images.listImages({}, options),
    (options: CallOptions) => images.removeImage({ image: "a" }, options),
  ]) {
    assert.deepEqual(await failure(call), expected);
  }
  assert.ok(
    t.logged.every((line) => line.startsWith("debug RUNTIME_UNAVAILABLE ")),
    "the outage itself is logged elsewhere, once",
  );
  const [, code] = await failure((options) => workers.ensure({}, options));
  assert.equal(code, "INVALID_REQUEST");
});
