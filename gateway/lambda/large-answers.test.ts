import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import { startHarness, until } from "../testing/harness.ts";
import { largestAnswerBytes } from "./answer.ts";

for (const announced of [true, false]) {
  const how = announced ? "announced" : "in chunks";
  test(`the largest answer passes, ${how}`, async () => {
    await using harness = await startHarness();
    const body = `"${"x".repeat(largestAnswerBytes - 2)}"`;
    harness.agent.handler = (_request, response) => {
      if (announced) response.setHeader("content-length", body.length);
      else response.write("");
      response.end(body);
    };
    const answer = await harness.invoke("hello");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-length"], String(largestAnswerBytes));
    assert.equal(answer.body, body);
  });

  test(`one byte more is Lambda's error, ${how}, and the worker goes on`, async () => {
    await using harness = await startHarness();
    const body = "x".repeat(largestAnswerBytes + 1);
    harness.agent.handler = (_request, response, event) => {
      if (event.toString() !== "{}") return response.end(event);
      if (announced) response.setHeader("content-length", body.length);
      response.write("x");
      return response.end(body.slice(1));
    };
    const answer = await harness.invoke("hello");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["x-amz-function-error"], "Unhandled");
    assert.deepEqual(JSON.parse(answer.body), {
      errorType: "Function.ResponseSizeTooLarge",
      errorMessage: "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    });
    const next = await harness.invoke("hello", "1");
    assert.equal(next.body, "1");
    assert.equal(next.headers["x-esb-start"], "warm");
  });
}

test("a large answer waits for a slow client, and is whole in the end", async () => {
  await using harness = await startHarness();
  const size = 6_000_000;
  let finished = false;
  let blocked = false;
  harness.agent.handler = (_request, response) => {
    response.setHeader("content-length", size);
    response.on("finish", () => {
      finished = true;
    });
    blocked = !response.write(Buffer.alloc(size, "x"));
    response.end();
  };
  const client = request(`${harness.url}/2015-03-31/functions/hello/invocations`, { method: "POST" });
  client.end("{}");
  const [response] = await once(client, "response");
  await until(() => blocked);
  assert.equal(finished, false);
  let got = 0;
  for await (const chunk of response) got += chunk.length;
  assert.equal(got, size);
});

test("a client that goes in the middle of a large answer holds nobody up", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response, event) => {
    response.end(event.toString() === "{}" ? Buffer.alloc(6_000_000, "x") : event);
  };
  const client = request(`${harness.url}/2015-03-31/functions/hello/invocations`, { method: "POST" });
  client.on("error", () => undefined);
  client.end("{}");
  await once(client, "response");
  client.destroy();
  const next = await harness.invoke("hello", "1");
  assert.equal(next.body, "1");
  assert.deepEqual(
    harness.agent.calls.filter((call) => call.startsWith("destroy")),
    [],
  );
});

test("a worker that breaks off in the middle of a large answer: the client does not take it for whole", async () => {
  await using harness = await startHarness();
  harness.agent.handler = (_request, response) => {
    response.setHeader("content-length", 1_000_000);
    response.write(Buffer.alloc(500_000, "x"), () => setImmediate(() => response.destroy()));
  };
  await assert.rejects(harness.invoke("hello"));
  await until(() => harness.agent.calls.includes("destroy hello-0"));
});
