import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTemplate, shapeOf } from "./template.ts";

const valid: ReadonlyArray<readonly [template: string, shape: string]> = [
  ["/", "/"],
  ["/users", "/users"],
  ["/users/{id}", "/users/{}"],
  ["/users/{id}/orders/{order-id}", "/users/{}/orders/{}"],
  ["/{proxy+}", "/{+}"],
  ["/shop/{shop.id}/{rest+}", "/shop/{}/{+}"],
  ["/v1.0/~me/a:b@c;d=e,f!$&'()*+", "/v1.0/~me/a:b@c;d=e,f!$&'()*+"],
  ["/a/./..", "/a/./.."],
];
for (const [template, shape] of valid) {
  test(`G3: template ${template}`, () => {
    const parsed = parseTemplate(template);
    assert.ok("segments" in parsed);
    assert.equal(shapeOf(parsed.segments), shape);
  });
}

const invalid: ReadonlyArray<readonly [template: string, problem: RegExp]> = [
  ["users", /^must begin with \/$/],
  ["{proxy+}", /^must begin with \/$/],
  ["/users/", /^must not end with \/; expected the path without it/],
  ["//", /^must not end with \//],
  ["/a//b", /^must not have empty segments$/],
  ["//a", /^must not have empty segments$/],
  ["/{proxy+}/a", /^nothing may follow \{name\+\}$/],
  ["/{a+}/{b+}", /^nothing may follow \{name\+\}$/],
  ["/a{id}", /^"a\{id\}" is not a parameter; expected \{name\}/],
  ["/{id}.json", /is not a parameter/],
  ["/{}", /is not a parameter/],
  ["/{+}", /is not a parameter/],
  ["/{a b}", /is not a parameter/],
  ["/{proxy*}", /is not a parameter/],
  ["/{id}/{id}", /^has \{id\} twice$/],
  ["/{id}/{id+}", /^has \{id\} twice$/],
  ["/a/*", /^"\*" is no wildcard here; expected \{name\} for one segment or, at the end, \{proxy\+\}/],
  ["/**", /^"\*\*" is no wildcard/],
  ["/a b", /has characters that a path cannot have/],
  ["/a%20b", /not percent-encoded/],
  ["/zoë", /has characters that a path cannot have/],
  ["/a?b", /has characters that a path cannot have/],
];
for (const [template, problem] of invalid) {
  test(`G3: refused template ${template}`, () => {
    const parsed = parseTemplate(template);
    assert.ok("problem" in parsed);
    assert.match(parsed.problem, problem);
  });
}
