import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ApiError } from "../apigateway/errors.ts";
import { found, routingTable } from "../testing/routing-table.ts";
import { parseTemplate, shapeOf } from "./template.ts";

const method = fc.constantFrom("GET", "POST", "HEAD", "OPTIONS", "ANY");
const payload = fc.constantFrom("1.0", "2.0");
const segment = fc.constantFrom("a", "b", "a.b", "{x}", "{y}", "{z}");
const template = fc
  .tuple(fc.array(segment, { maxLength: 4 }), fc.boolean())
  .map(([segments, greedy]) => `/${[...new Set(segments), ...(greedy ? ["{rest+}"] : [])].join("/")}`);
const route = fc.record({ method, template, payload });

const shape = (text: string) => {
  const parsed = parseTemplate(text);
  assert.ok("segments" in parsed);
  return shapeOf(parsed.segments);
};
const routes = fc
  .uniqueArray(route, { maxLength: 12, selector: ({ method, template }) => `${method} ${shape(template)}` })
  .map((found) => found.map(({ method, template, payload }) => `${method} ${template} ${payload}`));

const text = fc.string({ unit: "binary", minLength: 1, maxLength: 6 });
const value = fc.oneof(text, fc.constantFrom("a", "b", ".", "..", "/", "%2F", "+", "%", "{x}", "__proto__"));
const requestPath = fc
  .array(fc.oneof(fc.constantFrom("a", "b", "a.b", "%61", ""), value.map(encodeURIComponent)), { maxLength: 6 })
  .map((segments) => `/${segments.join("/")}`);

test("G3: any order of the routes gives the same answer", () => {
  const shuffled = routes.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length })),
  );
  const requests = fc.array(fc.tuple(fc.constantFrom("GET", "POST", "PUT"), requestPath), { maxLength: 10 });
  fc.assert(
    fc.property(shuffled, requests, ([list, other], asked) => {
      const [one, two] = [routingTable(list), routingTable(other)];
      for (const [method, path] of asked) assert.equal(found(one, method, path), found(two, method, path));
    }),
  );
});

test("G3: a template filled in with any values finds its route with these values, or one that is more specific", () => {
  fc.assert(
    fc.property(
      routes.filter((list) => list.length > 0),
      fc.nat(),
      fc.array(value, { minLength: 8, maxLength: 8 }),
      (list, pick, values) => {
        const wanted = list[pick % list.length] ?? "";
        const [method = "", path = ""] = wanted.split(" ");
        const expected: Record<string, string> = {};
        const filled = path.replaceAll(/\{(\w+)\+?\}/g, (_match, name: string) => {
          expected[name] = values[Object.keys(expected).length] ?? "";
          return encodeURIComponent(expected[name]);
        });
        const answer = routingTable(list).match(method === "ANY" ? "PUT" : method, filled);
        const other = "match" in answer ? answer.match.route : undefined;
        if (other?.path === path) assert.deepEqual("match" in answer && { ...answer.match.pathParameters }, expected);
        else assert.ok(isMoreSpecific(other?.path, filled, path, list), `${filled} found ${other?.path} for ${wanted}`);
      },
    ),
  );
});

/** Judged without the table: the other template takes the path too, and has a static segment where this one differs first. */
function isMoreSpecific(other: string | undefined, filled: string, own: string, list: readonly string[]): boolean {
  // Nothing, where a more specific REST resource has other methods only.
  const others = other === undefined ? list.map((text) => text.split(" ")[1] ?? "") : [other];
  return others.some((template) => takes(template, filled) && rank(template) <= rank(own));
}

function takes(template: string, path: string): boolean {
  const wanted = template.slice(1).split("/");
  const given = path.slice(1).split("/");
  if (template === "/") return path === "/";
  return wanted.every((segment, index) => {
    if (segment.endsWith("+}")) return given.length > index;
    const isLast = index === wanted.length - 1;
    return (
      (segment.startsWith("{") || segment === decodeURIComponent(given[index] ?? "")) &&
      (!isLast || given.length === wanted.length)
    );
  });
}

/** Sorts before what is less specific: to the end before greedy, then static, parameter and greedy from left to right. */
function rank(template: string): string {
  const marks = template
    .split("/")
    .map((segment) => (segment.endsWith("+}") ? "3" : segment.startsWith("{") ? "2" : "1"));
  return `${template.endsWith("+}") ? "2" : "1"}${marks.join("")}`;
}

test("G3: whatever is asked for, a table answers, or says that it is no valid path", () => {
  const anything = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }).map((text) => `/${text}`),
    fc
      .array(fc.constantFrom("/", "%", "a", ".", "%2F", "%ff", "%C3%AB", "+", "{x}", "//"), { maxLength: 20 })
      .map((parts) => `/${parts.join("")}`),
    fc.string(),
  );
  fc.assert(
    fc.property(routes, fc.constantFrom("GET", "ANY", "LINK", "__proto__"), anything, (list, method, path) => {
      const table = routingTable(list);
      try {
        assert.ok(table.match(method, path));
        table.corsFor(method, path);
      } catch (error) {
        assert.ok(error instanceof ApiError && error.code === "BAD_REQUEST", String(error));
      }
    }),
  );
});
