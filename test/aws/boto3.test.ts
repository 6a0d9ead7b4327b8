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
  assert.deepEqual([broken.status, ErrorCode, more], [200, "RangeError", []]);
  assert.match(ErrorDetails ?? "", /"errorType":"RangeError","errorMessage":"in the middle"/);
});

settled("L5: the developer guide's streaming handler, streamed and whole", async ({ client }) => {
  const arguments_ = { FunctionName: "guide", Payload: '{"key":"value"}' };
  const { pieces, ends } = await client.call("invoke_with_response_stream", arguments_);
  assert.deepEqual([pieces?.join(""), ends], ['{"key":"value"}', [{}]]);
  assert.equal((await client.call("invoke", arguments_)).payload, '{"key":"value"}');
});

interface ErrorShape {
  readonly error?: { readonly httpStatusCode: number };
  readonly members: Readonly<Record<string, unknown>>;
}

/** Statuses of ours beside the model's, which docs/lambda.md says. */
const differing: Readonly<Record<string, readonly number[]>> = { ServiceException: [502, 503] };

test("L1: every error of AWS's model is told with its status and members, or said to be absent", async (context) => {
  if (typeof clients === "string") return context.skip(clients);
  const { operations, shapes } = JSON.parse(String(gunzipSync(await dataOf("service-2.json.gz")))) as {
    operations: Record<string, { errors: readonly { readonly shape: string }[] }>;
    shapes: Record<string, ErrorShape>;
  };
  const documented = await readFile(join(import.meta.dirname, "../../docs/lambda.md"), "utf8");
  const [told = "", absent = ""] = documented.split("## Errors")[1]?.split("Absent are") ?? [];
  const ours = [...lambdaErrorsByStatus()].flatMap(([status, names]) => [...names].map((name) => ({ status, name })));
  const names = ["Invoke", "InvokeAsync", "InvokeWithResponseStream"].flatMap((operation) =>
    (operations[operation] ?? assert.fail(operation)).errors.map(({ shape }) => shape),
  );
  let compared = 0;
  for (const name of new Set(names)) {
    const { error, members } = shapes[name] ?? assert.fail(name);
    const statuses = ours.filter((one) => one.name === name).map(({ status }) => status);
    const [where, elsewhere] = statuses.length > 0 ? [told, absent] : [absent, told];
    assert.ok(where.includes(`\`${name}\``) && !elsewhere.includes(`\`${name}\``), `docs/lambda.md: ${name}`);
    if (statuses.length === 0) continue;
    const [usual, ...others] = statuses.toSorted((one) => (one === error?.httpStatusCode ? -1 : 1));
    assert.equal(usual, error?.httpStatusCode, name);
    assert.deepEqual(others.toSorted(), differing[name] ?? [], name);
    const body = new LambdaError(name as LambdaErrorName, "x").body();
    for (const member of Object.keys(JSON.parse(body))) assert.ok(member in members, `${name}.${member}`);
    compared++;
  }
  assert.ok(compared >= 10, `only ${compared} of AWS's errors are ours`);
});
