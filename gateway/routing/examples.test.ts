import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseFunctions } from "../functions/parse.ts";
import { found } from "../testing/routing-table.ts";
import { parseRouting } from "./parse.ts";

const deploy = join(import.meta.dirname, "../../deploy");

test("G3: the examples: one route for everybody, one with a token", async () => {
  const lookup = () => "info";
  const functions = parseFunctions(await readFile(join(deploy, "functions.yml"), "utf8"), "functions.yml", lookup);
  const table = parseRouting(await readFile(join(deploy, "routing.yml"), "utf8"), {
    path: "routing.yml",
    lookup,
    functions: { path: "functions.yml", names: [...functions.keys()] },
    missingForRoute: () => undefined,
  });
  assert.equal(found(table, "GET", "/hello"), "GET /hello");
  assert.equal(found(table, "GET", "/hello/zo%C3%AB"), "GET /hello/{name} name=zoë");
  assert.deepEqual(
    table.routes.map(({ auth, payload }) => `${auth} ${payload}`),
    ["none 2.0", "jwt 2.0"],
  );
});

test("G3: the example of docs/routing.md", async () => {
  const page = await readFile(join(deploy, "../docs/routing.md"), "utf8");
  const [, text = ""] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const context = { path: "routing.yml", lookup: () => undefined, missingForRoute: () => undefined };
  const table = parseRouting(text, {
    ...context,
    functions: { path: "functions.yml", names: ["users", "shop", "orders"] },
  });
  assert.deepEqual(
    table.routes.map(({ stage }) => stage.variables.TABLE),
    ["orders", "orders", "orders"],
  );
  assert.equal(found(table, "PUT", "/orders"), "POST|PUT /orders");
});
