import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError } from "../../common/environment.ts";
import { type FunctionDefinition, sameDefinition } from "./definition.ts";
import { parseFunctions } from "./parse.ts";

const parse = (text: string) => parseFunctions(text, "functions.yml", () => undefined);

function only(text: string): FunctionDefinition {
  const [found] = parse(text).values();
  assert.ok(found);
  return found;
}

test("G6: the example of the documentation, for one function", () => {
  const hello = only(`
functions:
  hello:
    image: a
    concurrency: { min: 1, max: 10, reserved: 2 }
    idle: { freezeAfterMs: 1000, destroyAfterMinutes: 0.5 }
`);
  assert.deepEqual(hello.concurrency, { min: 1, max: 10, reserved: 2 });
  assert.deepEqual(hello.idle, { freezeAfterMs: 1000, destroyAfterMs: 30_000 });
});

test("G6: defaults are taken key by key, and what nobody says is built in or the gateway's", () => {
  const functions = parse(`
defaults: { concurrency: { max: 20, reserved: 1 }, idle: { freezeAfterMs: 0 } }
functions:
  a: { image: x, concurrency: { min: 2 }, idle: { destroyAfterMinutes: 5 } }
  b: { image: x, concurrency: { max: 3, reserved: 0 }, idle: { freezeAfterMs: -1 } }
`);
  assert.deepEqual(functions.get("a")?.concurrency, { min: 2, max: 20, reserved: 1 });
  assert.deepEqual(functions.get("a")?.idle, { freezeAfterMs: 0, destroyAfterMs: 300_000 });
  assert.deepEqual(functions.get("b")?.concurrency, { min: 0, max: 3, reserved: 0 });
  assert.deepEqual(functions.get("b")?.idle, { freezeAfterMs: -1, destroyAfterMs: undefined });
  const plain = only("functions: { a: { image: x, concurrency: {}, idle: {} } }");
  assert.deepEqual(plain.concurrency, { min: 0, max: 10, reserved: 0 });
  assert.deepEqual(plain.idle, { freezeAfterMs: undefined, destroyAfterMs: undefined });
});

test("G4: how many workers there are, and how long they idle, replaces none of them", () => {
  const before = only("functions: { a: { image: x } }");
  for (const change of ["concurrency: { min: 1, max: 2, reserved: 1 }", "idle: { freezeAfterMs: 5 }"]) {
    assert.ok(sameDefinition(before, only(`functions: { a: { image: x, ${change} } }`)), change);
  }
  assert.ok(!sameDefinition(before, only("functions: { a: { image: x, memory: 256 } }")));
});

const mistakes: ReadonlyArray<readonly [string, string, string]> = [
  [
    "min above max",
    "functions:\n  a:\n    image: x\n    concurrency: { min: 3, max: 2 }\n",
    "functions.yml:4:25: functions.a.concurrency.min: must not be more than max; expected 0 to 2",
  ],
  [
    "reserved above the built-in max",
    "functions:\n  a:\n    image: x\n    concurrency: { reserved: 11 }\n",
    "functions.yml:4:30: functions.a.concurrency.reserved: must not be more than max; expected 0 to 10",
  ],
  [
    "max below the min of the defaults",
    "defaults: { concurrency: { min: 4 } }\nfunctions:\n  a: { image: x, concurrency: { max: 3 } }\n",
    "functions.yml:3:38: functions.a.concurrency.max: must not be less than min; expected 4 or more",
  ],
  [
    "min above max, both in the defaults",
    "defaults:\n  concurrency: { max: 3, min: 4 }\nfunctions: { a: { image: x }, b: { image: y } }\n",
    "functions.yml:2:31: defaults.concurrency.min: must not be more than max; expected 0 to 3",
  ],
  [
    "no worker at all",
    "functions: { a: { image: x, concurrency: { max: 0 } } }",
    "functions.a.concurrency.max: must be a whole number of workers; expected 1 to 1000",
  ],
  ["too many", "functions: { a: { image: x, concurrency: { max: 1001 } } }", "expected 1 to 1000"],
  ["less than none", "functions: { a: { image: x, concurrency: { min: -1 } } }", "expected 0 to 1000"],
  [
    "half a worker",
    "functions: { a: { image: x, concurrency: { reserved: 0.5 } } }",
    "functions.a.concurrency.reserved: must be a whole number of workers; expected 0 to 1000",
  ],
  [
    "unknown key of concurrency",
    "functions:\n  a:\n    image: x\n    concurrency:\n      maximum: 3\n",
    "functions.yml:5:7: functions.a.concurrency.maximum: unknown key; expected one of min, max, reserved",
  ],
  [
    "unknown key of idle, in the defaults",
    "defaults:\n  idle: { destroyAfterMs: 5 }\nfunctions: {}\n",
    "functions.yml:2:11: defaults.idle.destroyAfterMs: unknown key; expected one of freezeAfterMs, destroyAfterMinutes",
  ],
  [
    "unknown key of a function with an odd name",
    "functions: { idle: { image: x, idel: {} } }",
    "functions.idle.idel: unknown key; expected one of image, command, handler, runtime, url, timeout, memory, tmp, pullPolicy, environment, concurrency, idle",
  ],
  [
    "a number for concurrency",
    "functions: { a: { image: x, concurrency: 3 } }",
    "functions.a.concurrency: must be a map; expected min, max or reserved",
  ],
  [
    "nothing for idle",
    "functions:\n  a:\n    image: x\n    idle:\n",
    "functions.a.idle: must be a map; expected freeze",
  ],
  [
    "freezing before the beginning",
    "functions: { a: { image: x, idle: { freezeAfterMs: -2 } } }",
    "functions.a.idle.freezeAfterMs: must be a whole number of milliseconds; expected -1 to 2147483647",
  ],
  [
    "destroying at once",
    "functions: { a: { image: x, idle: { destroyAfterMinutes: 0 } } }",
    "functions.a.idle.destroyAfterMinutes: must be a number of minutes; expected more than 0, at most 527040",
  ],
  [
    "destroying next year",
    "functions: { a: { image: x, idle: { destroyAfterMinutes: 527041 } } }",
    "expected more than 0, at most 527040",
  ],
  [
    "minutes as text",
    "functions: { a: { image: x, idle: { destroyAfterMinutes: five } } }",
    "must be a number of minutes",
  ],
];
for (const [what, text, expected] of mistakes) {
  test(`G6: refused: ${what}`, () => {
    assert.throws(
      () => parse(text),
      (error: unknown) => {
        assert.ok(error instanceof ConfigurationError);
        assert.ok(error.message.includes(expected), `${error.message}\ndoes not say\n${expected}`);
        assert.ok(!error.message.includes("\n"), "a mistake is told once");
        return true;
      },
    );
  });
}

test("G6: defaults that only some functions cannot have are no mistake of the others", () => {
  const text = "defaults: { concurrency: { min: 12 } }\nfunctions: { a: { image: x, concurrency: { max: 12 } } }";
  assert.deepEqual(only(text).concurrency, { min: 12, max: 12, reserved: 0 });
});
