import assert from "node:assert/strict";
import { test } from "node:test";
import { lookUp, numericUser, parseUserText } from "./accounts.ts";

const passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:1001:1002::/home/app:/bin/sh\n# no account\n42:x:7:8::/:/bin/sh\n";
const group = "root:x:0:\napp:x:1002:\nextra:x:50:root,app\nmore:x:51:app\n";

const table: [text: string, found: [uid: number, gid: number, ...additional: number[]] | RegExp][] = [
  ["app", [1001, 1002, 50, 51]],
  ["root", [0, 0, 50]],
  ["app:extra", [1001, 50]],
  ["app:77", [1001, 77]],
  ["1001", [1001, 1002, 50, 51]],
  ["1234", [1234, 0]],
  ["1234:extra", [1234, 50]],
  ["42", [7, 8]],
  ["app:", [1001, 1002, 50, 51]],
  ["nobody", /user nobody/],
  ["app:nogroup", /group nogroup/],
  ["99999999999", /user 99999999999/],
];

for (const [text, found] of table) {
  test(`user ${text}`, () => {
    const result = lookUp(parseUserText(text), passwd, group);
    if ("unknown" in result) assert.match(result.unknown, found instanceof RegExp ? found : /^$/);
    else assert.deepEqual([result.uid, result.gid, ...result.additionalGids], found);
  });
}

test("two numbers need no files", () => {
  assert.deepEqual(numericUser(parseUserText("993:990")), { uid: 993, gid: 990, additionalGids: [] });
  for (const text of ["993", "app:1", "1:app", "4294967296:1"]) {
    assert.equal(numericUser(parseUserText(text)), undefined, text);
  }
});

test("a number is looked up without files too", () => {
  assert.deepEqual(lookUp(parseUserText("1000"), "", ""), { uid: 1000, gid: 0, additionalGids: [] });
});
