/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables of functions.yml look like this. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError } from "../../common/environment.ts";
import { parseFunctions } from "./parse.ts";

const lookup = (name: string) => ({ LOG_LEVEL: "info" })[name];
const parse = (text: string) => parseFunctions(text, "functions.yml", lookup);

test("the file of the documentation", () => {
  const functions = parse(`
defaults: { timeout: 30, memory: 128, environment: { LOG_LEVEL: "\${LOG_LEVEL}" } }
functions:
  hello:
    image: localhost/esb-hello:latest
    memory: 256
    environment: { GREETING: hello }
  mine: { image: "localhost/mine:1", timeout: 3 }
`);
  assert.deepEqual(functions.get("hello"), {
    name: "hello",
    image: "localhost/esb-hello:latest",
    command: [],
    handler: "",
    timeoutMs: 30_000,
    memoryMib: 256,
    tmpMib: 512,
    environment: { LOG_LEVEL: "info", GREETING: "hello" },
    pullPolicy: "if-not-present",
    runtime: "auto",
    url: undefined,
    concurrency: { min: 0, max: 10, reserved: 0 },
    idle: { freezeAfterMs: undefined, destroyAfterMs: undefined },
  });
  assert.equal(functions.get("mine")?.timeoutMs, 3000);
});

test("without defaults Lambda's hold: 3 seconds, 128 MiB", () => {
  const hello = parse("functions: { hello: { image: a } }").get("hello");
  assert.equal(hello?.timeoutMs, 3000);
  assert.equal(hello?.memoryMib, 128);
});

test("numbers and booleans are environment values, as text", () => {
  const hello = parse("functions: { hello: { image: a, environment: { NUM: 1, FLAG: true } } }").get("hello");
  assert.deepEqual(hello?.environment, { NUM: "1", FLAG: "true" });
});

test("numbers are environment values as they are written, in the defaults too", () => {
  const text = `
defaults: { environment: { VERSION: 1.10 } }
functions:
  environment: { image: a, memory: 256, environment: { ACCOUNT: 012345678901, LARGE: 12345678901234567890, HEX: 0x10 } }
`;
  const found = parse(text).get("environment");
  assert.deepEqual(found?.environment, {
    VERSION: "1.10",
    ACCOUNT: "012345678901",
    LARGE: "12345678901234567890",
    HEX: "0x10",
  });
  assert.equal(found?.memoryMib, 256);
});

test("a slip that spoils all that follows is not told a thousand times", () => {
  assert.throws(
    () => parse(`functions:\n${"\ta: b\n".repeat(1000)}`),
    (error: unknown) => error instanceof ConfigurationError && error.message.split("\n").length === 5,
  );
});

test("a function named like an object's own property is a function like any other", () => {
  assert.equal(parse("functions: { constructor: { image: a } }").get("constructor")?.image, "a");
});

test("no functions yet", () => {
  assert.equal(parse("functions:\n").size, 0);
});

const mistakes: ReadonlyArray<readonly [string, string, string]> = [
  [
    "memory too small",
    "functions:\n  hello:\n    image: a\n    memory: 64\n",
    "functions.yml:4:13: functions.hello.memory: must be a whole number of MiB; expected 128 to 10240",
  ],
  [
    "memory as text",
    "functions: { a: { image: b, memory: big } }",
    "functions.a.memory: must be a whole number of MiB",
  ],
  [
    "timeout too long",
    "functions: { a: { image: b, timeout: 901 } }",
    "functions.a.timeout: must be a whole number of",
  ],
  ["half a second", "functions: { a: { image: b, timeout: 0.5 } }", "functions.a.timeout: must be a whole number of"],
  [
    "no image",
    "functions:\n  a:\n    memory: 128\n",
    "functions.yml:2:3: functions.a.image: must be an image reference",
  ],
  ["function without anything", "functions:\n  a:\n", "functions.a: must be a map; expected at least image"],
  [
    "unknown key",
    "functions:\n  a:\n    image: b\n    memroy: 1\n",
    "functions.yml:4:5: functions.a.memroy: unknown key; expected one of image, command, handler, runtime",
  ],
  [
    "unknown key at the top",
    "function: {}\nfunctions: {}\n",
    "functions.yml:1:1: function: unknown key; expected one of",
  ],
  [
    "image among the defaults",
    "defaults: { image: a }\nfunctions: {}",
    "defaults.image: unknown key; expected one of timeout",
  ],
  ["empty file", "", "functions.yml:1:1: functions: must be a map of functions"],
  ["a list", "- a\n", "functions.yml:1:1: the file: must be a map; expected functions:"],
  [
    "name with a slash",
    "functions:\n  a/b: { image: c }\n",
    "functions.yml:2:3: functions.a/b: is not a function name",
  ],
  ["name too long", `functions:\n  ${"a".repeat(65)}: { image: c }\n`, "expected at most 64 letters and digits"],
  ["command as text", "functions: { a: { image: b, command: run } }", "functions.a.command: must be a list"],
  ["empty command", "functions: { a: { image: b, command: [] } }", "functions.a.command: must have at least one item"],
  [
    "number in a command",
    "functions: { a: { image: b, command: [run, 1] } }",
    "functions.yml:1:44: functions.a.command.1: must be text",
  ],
  [
    "reserved variable",
    "functions:\n  a:\n    image: b\n    environment:\n      AWS_REGION: x\n",
    "functions.yml:5:7: functions.a.environment.AWS_REGION: is set by Lambda itself; expected a name other than _HANDLER,",
  ],
  ["bad variable name", "functions: { a: { image: b, environment: { 1A: x } } }", "is not a name Lambda allows"],
  ["a runtime of AWS's", "functions: { a: { image: b, runtime: nodejs22.x } }", "must be one of api, emulator, http"],
  ["bad pull policy", "functions: { a: { image: b, pullPolicy: no } }", "must be one of if-not-present, always, never"],
  ["unset variable", "functions:\n  a:\n    image: ${NOPE}\n", "functions.yml:3:12: the variable NOPE is not set"],
  ["broken YAML", "functions:\n  a: [\n", "functions.yml:3:1: not valid YAML"],
  ["two of one name", "functions:\n  a: { image: b }\n  a: { image: c }\n", "functions.yml:3:3: not valid YAML"],
  ["tab as indentation", "functions:\n\ta: { image: b }\n", "functions.yml:2:1: not valid YAML"],
  ["missing anchor", "functions: *nope\n", "functions.yml:1:12: not valid YAML"],
];
for (const [what, text, expected] of mistakes) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => parse(text),
      (error: unknown) => {
        assert.ok(error instanceof ConfigurationError);
        assert.ok(error.message.includes(expected), `${error.message}\ndoes not say\n${expected}`);
        return true;
      },
    );
  });
}

test("every mistake is told at once", () => {
  assert.throws(
    () => parse("functions:\n  a: { image: b, memory: 1, timeout: 0 }\n"),
    (error: unknown) => error instanceof ConfigurationError && error.message.split("\n").length === 2,
  );
});
