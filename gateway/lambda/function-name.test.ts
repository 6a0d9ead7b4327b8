import assert from "node:assert/strict";
import { test } from "node:test";
import { arnOf, assertVersion, toFunctionReference } from "./function-name.ts";

const region = "us-east-1";
const arn = "arn:aws:lambda:us-east-1:123456789012:function";
const read = (called: string, qualifier?: string) => toFunctionReference(called, qualifier, region);

const unqualified = [
  "hello",
  "function:hello",
  "123456789012:hello",
  "123456789012:function:hello",
  "us-east-1:123456789012:function:hello",
  `${arn}:hello`,
  "arn:aws-cn:lambda:us-east-1:999999999999:function:hello",
  "arn::lambda:us-east-1:123456789012:function:hello",
];
for (const called of unqualified) {
  test(`L1: ${called}, alone and with each kind of qualifier, in the name, beside it and in both`, () => {
    assert.deepEqual(read(called), { name: "hello", qualifier: undefined });
    for (const qualifier of ["$LATEST", "$LATEST.PUBLISHED", "1", "prod", "_a-Z9"]) {
      const wanted = { name: "hello", qualifier };
      assert.deepEqual(read(`${called}:${qualifier}`), wanted);
      assert.deepEqual(read(called, qualifier), wanted);
      assert.deepEqual(read(`${called}:${qualifier}`, qualifier), wanted);
      assert.equal(arnOf(wanted, region), `${arn}:hello:${qualifier}`);
      assert.throws(() => read(`${called}:${qualifier}`, "other"), {
        name: "InvalidParameterValueException",
        message: "The derived qualifier from the function name does not match the specified qualifier.",
      });
    }
  });
}

for (const [called, name] of [
  ["123456789012", "123456789012"],
  ["function", "function"],
  ["function:function", "function"],
  ["a.b", "a.b"],
  ["a".repeat(64), "a".repeat(64)],
] as const) {
  test(`L1: the name in ${called.slice(0, 40)}`, () => assert.equal(read(called).name, name));
}

test("L1: another region is not reachable, in a full ARN and in a partial one", () => {
  for (const called of [
    "arn:aws:lambda:eu-west-1:123456789012:function:hello",
    "eu-west-1:123456789012:function:hello:prod",
  ]) {
    const message = "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')";
    assert.throws(() => read(called), { name: "ResourceNotFoundException", message });
  }
});

for (const [what, called, qualifier, message] of [
  ["longer than any ARN", "a".repeat(257), undefined, /at 'functionName' .* less than or equal to 256$/],
  ["longer than a name", "a".repeat(65), undefined, /at 'functionName' .* less than or equal to 64$/],
  ["two qualifiers in the name", "hello:1:2", undefined, /at 'functionName' .* regular expression pattern: \(arn:/],
  ["an ARN without its account", `arn:aws:lambda:${region}:function:hello`, undefined, /at 'functionName'/],
  ["an ARN with a short account", `arn:aws:lambda:${region}:1234:function:hello`, undefined, /at 'functionName'/],
  ["an ARN of something else", `arn:aws:s3:${region}:123456789012:function:hello`, undefined, /at 'functionName'/],
  ["an empty qualifier", "hello", "", /Value '' at 'qualifier' .* greater than or equal to 1$/],
  ["a long qualifier", "hello", "a".repeat(129), /at 'qualifier' .* less than or equal to 128$/],
  ["a qualifier with a dot", "hello", "a.b", /at 'qualifier' .* regular expression pattern: \\\$\(LATEST/],
  ["a line break behind", "hello\n", undefined, /at 'functionName'/],
] as const) {
  test(`L1: refused as a name: ${what}`, () => {
    assert.throws(() => read(called, qualifier), { name: "ValidationException", message });
  });
}

test("L1: of versions there is $LATEST alone", () => {
  const of = (qualifier: string | undefined) => assertVersion({ name: "hello", qualifier }, region);
  of(undefined);
  of("$LATEST");
  for (const qualifier of ["1", "prod", "$latest"]) {
    const message = `Function not found: ${arn}:hello:${qualifier}`;
    assert.throws(() => of(qualifier), { name: "ResourceNotFoundException", message });
  }
  assert.throws(() => of("$LATEST.PUBLISHED"), { name: "NoPublishedVersionException", status: 400 });
});
