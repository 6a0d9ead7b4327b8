import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { LambdaError, type LambdaErrorName, lambdaErrorsByStatus } from "../../gateway/http/errors.ts";
import { type BotoClient, botoClient } from "./clients/boto.ts";
import { pythonClients } from "./clients/python.ts";
import { invokeSuite, withClient } from "./suite.ts";

/** Boto3, unmodified. */

const clients = await pythonClients();
const settled = withClient<BotoClient>(async (url) =>
  typeof clients === "string" ? clients : botoClient(clients, url),
);
invokeSuite("boto3", settled);

/** Botocore's own files about Lambda. */
const dataOf = (name: string) =>
  readFile(join(typeof clients === "string" ? "" : clients.packages, "botocore/data/lambda/2015-03-31", name));

interface Example {
  readonly title: string;
  readonly input: Readonly<Record<string, string>>;
  readonly output: { readonly StatusCode?: number; readonly Status?: number };
}

settled(
  "L1: the examples of AWS's API documentation, but for the version, of which there are none yet",
  async ({ client }) => {
    const { examples } = JSON.parse(String(await dataOf("examples-1.json"))) as {
      examples: Record<string, readonly Example[]>;
    };
    const calls = [
      ...(examples.Invoke ?? []).map((example) => ["invoke", example] as const),
      ...(examples.InvokeAsync ?? []).map((example) => ["invoke_async", example] as const),
    ];
    assert.equal(calls.length, 3);
    for (const [method, { title, input, output }] of calls) {
      const { Qualifier, ...rest } = input;
      const answer = await client.call(method, { ...rest, ...(Qualifier && { Qualifier: "$LATEST" }) });
      assert.equal(answer.error, undefined, title);
      assert.equal(answer.status, output.StatusCode ?? output.Status, title);
    }
  },
);

settled("L5: a streamed answer in its pieces, and an error in the middle of one", async ({ client }) => {
  const stream = (payload: object) =>
    client.call("invoke_with_response_stream", { FunctionName: "pieces", Payload: JSON.stringify(payload) });
  const whole = await stream({ waitMs: 100 });
  assert.deepEqual([whole.status, whole.executedVersion, whole.ends], [200, "$LATEST", [{}]]);
  assert.deepEqual(whole.pieces?.slice(1), [" second"]);
  const broken = await stream({ what: "breaks" });
  assert.deepEqual(broken.pieces, ["half"]);
  const [{ ErrorCode, ErrorDetails } = {}, ...more] = broken.ends ?? [];
  assert.deepEqual([broken.status, ErrorCode, more], [200, "Unhandled", []]);
  assert.match(ErrorDetails ?? "", /"errorType":"RangeError","errorMessage":"in the middle"/);
});

interface ErrorShape {
  readonly error?: { readonly httpStatusCode: number };
  readonly members: Readonly<Record<string, unknown>>;
}

test("L1: every error that can be told has the HTTP status and the member names of AWS's model", async (context) => {
  if (typeof clients === "string") return context.skip(clients);
  const { operations, shapes } = JSON.parse(String(gunzipSync(await dataOf("service-2.json.gz")))) as {
    operations: { Invoke: { errors: readonly { readonly shape: string }[] } };
    shapes: Record<string, ErrorShape>;
  };
  const ours = new Set([...lambdaErrorsByStatus().values()].flatMap((names) => [...names]));
  let compared = 0;
  for (const { shape: name } of operations.Invoke.errors) {
    if (!ours.has(name as LambdaErrorName)) continue;
    const { error, members } = shapes[name] ?? assert.fail(name);
    const told = new LambdaError(name as LambdaErrorName, "x");
    assert.equal(told.status, error?.httpStatusCode, name);
    for (const member of Object.keys(JSON.parse(told.body()))) assert.ok(member in members, `${name}.${member}`);
    compared++;
  }
  assert.ok(compared >= 10, `only ${compared} of AWS's errors are ours`);
});
