import assert from "node:assert/strict";
import { test } from "node:test";
import { Driver, EnsureRequest, FunctionSpec, PullPolicy } from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentError } from "../errors.ts";
import { workerId } from "../workers/identity.ts";
import { parseEnsureRequest, parseGraceMs, parseOwner, parseReference, parseWorkerId } from "./validate.ts";

function message(changes: Partial<FunctionSpec> = {}, rest: Partial<EnsureRequest> = {}): EnsureRequest {
  const spec = FunctionSpec.create({
    name: "hello",
    image: "localhost/hello:1",
    memoryMib: 128,
    timeoutMs: 3000,
    ...changes,
  });
  // Over the wire and back: what the parser is given is what the server would give it.
  const request = EnsureRequest.create({ function: spec, slot: 0, owner: "gateway", ...rest });
  return EnsureRequest.decode(EnsureRequest.encode(request).finish());
}

/** The message of the INVALID_REQUEST that a call must fail with. */
function refusal(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof AgentError);
    assert.equal(error.code, "INVALID_REQUEST");
    return error.message;
  }
  return assert.fail("it was accepted");
}

test("the least that is needed becomes a request with units and defaults", () => {
  assert.deepEqual(parseEnsureRequest(message()), {
    function: {
      name: "hello",
      image: "localhost/hello:1",
      command: [],
      environment: {},
      memoryBytes: 128 * 1024 * 1024,
      timeoutMs: 3000,
      tmpBytes: 512 * 1024 * 1024,
      pullPolicy: "if-not-present",
      handler: "",
    },
    slot: 0,
    owner: "gateway",
    lambdaApiPort: 0,
  });
});

test("everything that may be said is taken over", () => {
  const { function: spec } = parseEnsureRequest(
    message({
      command: ["/bin/sh", "-c", "true\n"],
      environment: { GREETING: "héllo\nthere", _X1: "" },
      memoryMib: 10_240,
      timeoutMs: 900_000,
      tmpMib: 10_240,
      pullPolicy: PullPolicy.NEVER,
      handler: "app.handler",
    }),
  );
  assert.deepEqual(
    [spec.command, spec.environment, spec.memoryBytes, spec.tmpBytes, spec.pullPolicy, spec.handler],
    [
      ["/bin/sh", "-c", "true\n"],
      { GREETING: "héllo\nthere", _X1: "" },
      10 * 1024 ** 3,
      10 * 1024 ** 3,
      "never",
      "app.handler",
    ],
  );
  assert.equal(parseEnsureRequest(message({ driver: Driver.RUNTIME_API })).function.driver, "runtime-api");
  assert.equal(parseEnsureRequest(message({ pullPolicy: PullPolicy.ALWAYS })).function.pullPolicy, "always");
  assert.equal(
    parseEnsureRequest(message({ pullPolicy: PullPolicy.IF_NOT_PRESENT })).function.pullPolicy,
    "if-not-present",
  );
});

test("a message without a function says so", () => {
  assert.equal(
    refusal(() => parseEnsureRequest({ ...message(), function: undefined })),
    "function: is required",
  );
});

test("a missing or wild field is named as agent.proto spells it, with what is right", () => {
  const table: [Partial<FunctionSpec>, string][] = [
    [{ name: "" }, "function.name: must be letters and digits, joined by single - or _"],
    [{ image: "" }, "function.image: is required"],
    [{ image: "a".repeat(1025) }, "function.image: must have at most 1024 characters"],
    [{ image: "hell\u00f6" }, "function.image: must be printable ASCII"],
    [{ image: "hello\0" }, "function.image: must be printable ASCII"],
    [{ command: ["ok", "a\0b"] }, "function.command[1]: must not contain NUL"],
    [{ command: ["a".repeat(32_769)] }, "function.command[0]: must have at most 32768 characters"],
    [{ command: Array.from({ length: 1025 }, () => "a") }, "function.command: must have at most 1024 words"],
    [{ environment: { A: "a\0b" } }, 'function.environment["A"]: must not contain NUL'],
    [
      { environment: { "My Var": "" } },
      'function.environment["My Var"]: must be a name of letters, digits and _, not beginning with a digit',
    ],
    [{ memoryMib: 0 }, "function.memory_mib: must be from 128 to 10240"],
    [{ memoryMib: 127 }, "function.memory_mib: must be from 128 to 10240"],
    [{ memoryMib: 4_294_967_295 }, "function.memory_mib: must be from 128 to 10240"],
    [{ timeoutMs: 0 }, "function.timeout_ms: must be from 1 to 900000"],
    [{ timeoutMs: 900_001 }, "function.timeout_ms: must be from 1 to 900000"],
    [{ tmpMib: 511 }, "function.tmp_mib: must be 0 or from 512 to 10240"],
    [{ tmpMib: 10_241 }, "function.tmp_mib: must be 0 or from 512 to 10240"],
    [{ pullPolicy: 99 as PullPolicy }, "function.pull_policy: must be one of PullPolicy's values"],
    [{ driver: 99 as Driver }, "function.driver: must be one of Driver's values"],
    [{ pullPolicy: -1 as PullPolicy }, "function.pull_policy: must be one of PullPolicy's values"],
    [{ handler: "a\0" }, "function.handler: must not contain NUL"],
  ];
  for (const [changes, expected] of table) {
    assert.equal(
      refusal(() => parseEnsureRequest(message(changes))),
      expected,
    );
  }
  assert.equal(
    refusal(() => parseEnsureRequest(message({}, { slot: 10_000 }))),
    "slot: must be from 0 to 9999",
  );
  assert.equal(
    refusal(() => parseEnsureRequest(message({}, { lambdaApiPort: 65_536 }))),
    "lambda_api_port: must be from 0 to 65535",
  );
  for (const owner of ["", "a b", "a/b", "a".repeat(65), "a\n", "\u00e4"]) {
    const expected = "owner: must be 1 to 64 letters, digits, -, _ or .";
    assert.equal(
      refusal(() => parseEnsureRequest(message({}, { owner }))),
      expected,
    );
  }
});

test("names that would lead elsewhere are refused", () => {
  const names = [
    "..",
    "../etc",
    "a/b",
    "a..b",
    "/",
    ".",
    "-a",
    "a-",
    "a--b",
    "a b",
    "a\n",
    "\na",
    "a\0",
    "a\u007f",
    "ä",
    "a%2f",
  ];
  for (const name of [...names, "a".repeat(65)]) {
    assert.match(
      refusal(() => parseEnsureRequest(message({ name }))),
      /^function\.name: /,
      JSON.stringify(name),
    );
    const workerId = `${name}-0`;
    assert.match(
      refusal(() => parseWorkerId({ workerId })),
      /^worker_id: /,
      JSON.stringify(name),
    );
    assert.match(
      refusal(() => parseReference({ workerId, instanceId: "" })),
      /^worker_id: /,
      JSON.stringify(name),
    );
  }
  assert.equal(parseEnsureRequest(message({ name: "a".repeat(64) })).function.name.length, 64);
  assert.equal(parseWorkerId({ workerId: `${"a".repeat(64)}-9999` }).length, 69);
});

test("several mistakes are told together, a thousand in few words", () => {
  assert.match(
    refusal(() => parseEnsureRequest(message({ memoryMib: 1, timeoutMs: 0 }))),
    /memory_mib: .*; function.timeout_ms: /,
  );
  const environment = Object.fromEntries(
    Array.from({ length: 1000 }, (_, index) => [`${index}${"x".repeat(1000)}`, ""]),
  );
  const many = refusal(() => parseEnsureRequest(message({ environment })));
  assert.match(many, /; and 990 more$/);
  assert.ok(many.length < 3000);
});

test("a reference names a worker, and maybe an instance", () => {
  assert.deepEqual(parseReference({ workerId: "hello-0", instanceId: "" }), { id: "hello-0", instanceId: undefined });
  assert.deepEqual(parseReference({ workerId: "hello-0", instanceId: "ab-1" }), { id: "hello-0", instanceId: "ab-1" });
  for (const owner of ["gateway", "line-1"]) {
    const id = workerId("f".repeat(64), 9999, owner);
    assert.equal(parseReference({ workerId: id, instanceId: "" }).id, id);
  }
  for (const workerId of ["", "hello", "hello-", "hello-x", "hello-00000", "hello-0.", "hello-0.0A1B2C", "hello.0-0"]) {
    assert.equal(
      refusal(() => parseReference({ workerId, instanceId: "" })),
      "worker_id: must be <function>-<slot>, with .<owner's tag> behind it for another owner than gateway",
    );
  }
  const expected = "instance_id: must be at most 64 letters, digits and -";
  for (const instanceId of ["a".repeat(65), "a\n", "a/b"]) {
    assert.equal(
      refusal(() => parseReference({ workerId: "hello-0", instanceId })),
      expected,
    );
  }
});

test("a grace time and an owner may be absent, but not wild", () => {
  assert.equal(parseGraceMs({}), undefined);
  assert.equal(parseGraceMs({ graceMs: 0 }), 0);
  assert.equal(
    refusal(() => parseGraceMs({ graceMs: 900_001 })),
    "grace_ms: must be from 0 to 900000",
  );
  assert.equal(parseOwner({ owner: "" }), undefined);
  assert.equal(parseOwner({ owner: "gateway" }), "gateway");
  assert.match(
    refusal(() => parseOwner({ owner: "a\n" })),
    /^owner: /,
  );
});
