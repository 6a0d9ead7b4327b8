import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { chainIds } from "./chain.ts";

const sha = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;

test("each chain id covers the ones below", () => {
  const [a, b, c] = [sha("a"), sha("b"), sha("c")];
  assert.deepEqual(chainIds([]), []);
  assert.deepEqual(chainIds([a]), [a]);
  assert.deepEqual(chainIds([a, b, c]), [a, sha(`${a} ${b}`), sha(`${sha(`${a} ${b}`)} ${c}`)]);
});
