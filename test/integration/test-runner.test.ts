import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const runner = join(import.meta.dirname, "../../scripts/testing/run-files.ts");

const files = {
  "mixed.test.ts": `import { describe, test } from "node:test";
test("passes", () => {});
test("outer", async (t) => { await t.test("inner fails", () => { throw new Error("boo"); }); });
test("is skipped", { skip: "no reason" }, () => {});
describe("suite", () => { test("passes too", () => {}); });
`,
  "broken.test.ts": `throw new Error("cannot be loaded");`,
  "hanging.test.ts": `import { test } from "node:test";
test("leaves a timer", () => { setInterval(() => {}, 1000); });
`,
};

test("npm test counts what passed, failed and was skipped, and ends a file that does not end", async () => {
  const folder = await mkdtemp(join(tmpdir(), "esb-test-"));
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    const paths = JSON.stringify(Object.keys(files).map((name) => join(folder, name)));
    const script = join(folder, "run.ts");
    await writeFile(
      script,
      `import { runFiles } from ${JSON.stringify(runner)};
const failures = [];
const counts = await runFiles({ files: ${paths}, concurrency: 2, fileTimeoutMs: 3000, say: () => {}, failures });
console.log(JSON.stringify({ counts, failures }));
`,
    );
    // The runner does nothing where it believes to be inside a test.
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, [script], { cwd: folder, env: environment });
    const { counts, failures } = JSON.parse(stdout) as { counts: unknown; failures: string[] };
    assert.deepEqual(counts, { passed: 3, failed: 3, skipped: 1 });
    const told = failures.sort().join("\n");
    for (const words of [
      /inner fails .*\n\s+Error: boo/,
      /broken\.test\.ts/,
      /hanging\.test\.ts: did not end within 3 s/,
    ]) {
      assert.match(told, words);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
