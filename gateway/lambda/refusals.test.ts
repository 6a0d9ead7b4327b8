import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Harness, send, startHarness } from "../testing/harness.ts";

let harness: Harness;
before(async () => {
  harness = await startHarness();
});
after(() => harness[Symbol.asyncDispose]());

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

test("an unknown function is 404 in Lambda's shape", async () => {
  const answer = await harness.invoke("nope");
  assert.equal(answer.status, 404);
  assert.equal(answer.headers["x-amzn-errortype"], "ResourceNotFoundException");
  assert.match(String(answer.headers["x-amzn-requestid"]), uuid);
  assert.equal(answer.headers["content-type"], "application/json");
  assert.deepEqual(JSON.parse(answer.body), {
    Type: "User",
    Message: "Function not found: arn:aws:lambda:us-east-1:123456789012:function:nope",
  });
});

for (const body of ["{", "abc", "{'a':1}", "{} {}", "\ufeff{}", Buffer.from([0x22, 0xff, 0x22])]) {
  test(`a body that is not JSON: ${JSON.stringify(body)}`, async () => {
    const answer = await harness.invoke("hello", body, { "content-type": "application/json" });
    assert.equal(answer.status, 400);
    assert.equal(answer.headers["x-amzn-errortype"], "InvalidRequestContentException");
    const told = JSON.parse(answer.body);
    assert.equal(told.Type, "User");
    assert.match(told.message, /^Could not parse request body into json: /);
  });
}

test("a body of 6 MiB is taken, one byte more is 413", async () => {
  const most = 6 * 1024 * 1024;
  const largest = await harness.invoke("hello", Buffer.from(`"${"a".repeat(most - 2)}"`));
  assert.equal(largest.status, 200);
  assert.equal(harness.agent.workers.get("hello-0")?.http.received.at(-1)?.body.length, most);
  for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
    const answer = await harness.invoke("hello", Buffer.from(`"${"a".repeat(most - 1)}"`), headers);
    assert.equal(answer.status, 413);
    assert.equal(answer.headers["x-amzn-errortype"], "RequestTooLargeException");
    assert.deepEqual(JSON.parse(answer.body), {
      Type: "User",
      message: "Request must be smaller than 6291456 bytes for the InvokeFunction operation",
    });
  }
});

for (const type of ["", ";;;", "json", "\u00e9/x"]) {
  test(`a content type that is none is the client's mistake: ${JSON.stringify(type)}`, async () => {
    const answer = await harness.invoke("hello", "{}", { "content-type": type });
    assert.equal(answer.status, 415);
    assert.equal(answer.headers["x-amzn-errortype"], "UnsupportedMediaTypeException");
    assert.equal(JSON.parse(answer.body).Type, "User");
  });
}

const badNames = [
  "a%2Fb",
  "a/b",
  "../etc",
  "",
  "a%00b",
  "a%0Ab",
  "a%7fb",
  "a b".replace(" ", "%20"),
  "%C3%A9",
  "%",
  "%ff",
  "a".repeat(65),
  "a".repeat(257),
  "a".repeat(5000),
  "hello:$LATEST:x",
  "arn:aws:lambda:us-east-1:1234:function:hello",
];
for (const name of badNames) {
  test(`refused before anything is touched: ${name.slice(0, 70)}`, async () => {
    const calls = harness.agent.calls.length;
    const answer = await harness.invoke(name);
    assert.equal(answer.status, 400);
    assert.equal(answer.headers["x-amzn-errortype"], "ValidationException");
    assert.match(JSON.parse(answer.body).message, /^1 validation error detected: Value '.*' at 'functionName' failed/s);
    assert.equal(harness.agent.calls.length, calls);
  });
}

for (const name of [
  "hello",
  "hello:$LATEST",
  "hello:%24LATEST",
  "hello?Qualifier=$LATEST",
  "function:hello",
  "123456789012:function:hello",
  "arn:aws:lambda:us-east-1:123456789012:function:hello",
  "arn:aws:lambda:us-east-1:999999999999:function:hello:$LATEST",
  "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Ahello",
]) {
  test(`the function may be called ${name}`, async () => {
    const [path = "", query] = name.split("?");
    const url = `${harness.url}/2015-03-31/functions/${path}/invocations${query === undefined ? "" : `?${query}`}`;
    assert.equal((await send(url, "POST", {}, "{}")).status, 200);
  });
}

test("a name that Lambda would take and no function has is 404, not a path", async () => {
  for (const name of ["..", "%2e%2e", "a.b"]) assert.equal((await harness.invoke(name)).status, 404, name);
});

test("another qualifier or region is 404, with the name as it was asked for; a published version is none", async () => {
  const url = `${harness.url}/2015-03-31/functions/hello/invocations?Qualifier=prod`;
  for (const answer of [await send(url, "POST", {}, "{}"), await harness.invoke("hello:prod")]) {
    assert.equal(answer.status, 404);
    assert.match(answer.body, /function:hello:prod"/);
  }
  const elsewhere = await harness.invoke("arn:aws:lambda:eu-west-1:123456789012:function:hello");
  assert.equal(elsewhere.status, 404);
  assert.match(elsewhere.body, /Functions from 'eu-west-1' are not reachable/);
  const published = await harness.invoke("hello:$LATEST.PUBLISHED");
  assert.deepEqual([published.status, published.headers["x-amzn-errortype"]], [400, "NoPublishedVersionException"]);
  assert.equal((await harness.invoke("nope:$LATEST.PUBLISHED")).status, 404);
});

test("DryRun touches nothing and is 204; what is no type of invocation or log is told as AWS does", async () => {
  const calls = harness.agent.calls.length;
  const dry = await harness.invoke("hello", "{}", { "x-amz-invocation-type": "DryRun" });
  assert.equal(dry.status, 204);
  assert.match(String(dry.headers["x-amzn-requestid"]), uuid);
  for (const [header, member, values] of [
    ["x-amz-invocation-type", "invocationType", "Event, RequestResponse, DryRun"],
    ["x-amz-log-type", "logType", "None, Tail"],
  ] as const) {
    for (const value of ["Nonsense", "event"]) {
      const answer = await harness.invoke("hello", "{}", { [header]: value });
      assert.equal(answer.status, 400);
      assert.equal(answer.headers["x-amzn-errortype"], "ValidationException");
      const constraint = `failed to satisfy constraint: Member must satisfy enum value set: [${values}]`;
      const message = `1 validation error detected: Value '${value}' at '${member}' ${constraint}`;
      assert.deepEqual(JSON.parse(answer.body), { message });
    }
  }
  assert.equal((await harness.invoke("nope", "{}", { "x-amz-invocation-type": "DryRun" })).status, 404);
  assert.equal(harness.agent.calls.length, calls);
});

for (const header of ["x-amz-tenant-id", "x-amz-durable-execution-name"]) {
  test(`${header} asks for what there is not: the function is not invoked as if it had not been said`, async () => {
    const calls = harness.agent.calls.length;
    for (const type of ["RequestResponse", "Event", "DryRun"]) {
      const answer = await harness.invoke("hello", "{}", { [header]: "blue", "x-amz-invocation-type": type });
      assert.deepEqual(
        [answer.status, answer.headers["x-amzn-errortype"]],
        [400, "InvalidParameterValueException"],
        answer.body,
      );
    }
    assert.equal(harness.agent.calls.length, calls);
  });
}

test("what under Lambda's prefix is none of its operations is 404, and other methods too", async () => {
  assert.equal((await harness.get("/2015-03-31/nothing")).status, 404);
  assert.equal((await harness.get("/2015-03-31/functions/hello/invocations")).status, 404);
  assert.equal((await send(`${harness.url}/2015-03-31/%`, "GET")).status, 404);
});
