import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { ConfigurationError } from "../../common/environment.ts";
import { parseYaml } from "./yaml.ts";

/** The mistakes in a text, a line for each. */
function told(text: string, secret = false): readonly string[] {
  const format = { path: "a.yml", lookup: () => undefined, schema: z.unknown(), secret };
  try {
    parseYaml(text, { ...format, expectedKeys: () => [], isText: () => false });
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.message.split("\n");
  }
  return [];
}

const template = "- { path: /users/{id}, method: GET, function: users }\n";
const quotes = "not valid YAML: Unexpected flow-map-start at node end; a value with { in it needs quotes";

test("G3: a path template without quotes is told as that, and once", () => {
  assert.deepEqual(told(template), [`a.yml:1:18: ${quotes}`]);
  assert.deepEqual(told(template.replace("/users/{id}", '"/users/{id}"')), []);
});

test("G2: of a file with secrets only the kind of a mistake is told", () => {
  assert.deepEqual(told(template, true), ["a.yml:1:18: not valid YAML: UNEXPECTED_TOKEN"]);
});

test("files with a mistake in each line, and ones without end, are refused with a few lines and soon", () => {
  assert.equal(told(template.repeat(500)).length, 5);
  assert.ok(told("[".repeat(2000)).length <= 5);
  assert.match(
    told(Array.from({ length: 3000 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n")).join(),
    /not valid/,
  );
});
