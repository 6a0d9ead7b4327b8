import assert from "node:assert/strict";
import { test } from "node:test";
import { isReserved } from "./reserved.ts";
import { parseTemplate } from "./template.ts";

const paths: ReadonlyArray<readonly [template: string, reserved: boolean]> = [
  ["/health", true],
  ["/ready", true],
  ["/metrics", true],
  ["/user/auth/ver1.0", true],
  ["/.well-known/jwks.json", true],
  ["/openapi.json", true],
  ["/docs", true],
  ["/docs/{page}", true],
  ["/docs/{proxy+}", true],
  ["/2015-03-31", true],
  ["/2015-03-31/functions/{name}/invocations", true],
  ["/2015-03-31/{proxy+}", true],
  ["/", false],
  ["/{proxy+}", false],
  ["/{name}", false],
  ["/health/more", false],
  ["/docsy", false],
  ["/Ready", false],
  ["/user/auth/{version}", false],
];
for (const [template, reserved] of paths) {
  test(`G3: ${template} is ${reserved ? "esb's own" : "free"}`, () => {
    const parsed = parseTemplate(template);
    assert.ok("segments" in parsed);
    assert.equal(isReserved(parsed.segments), reserved);
  });
}
