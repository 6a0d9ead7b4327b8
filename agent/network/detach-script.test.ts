import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { createCommandRunner } from "./commands.ts";
import { detachScript, readPlaces } from "./detach-script.ts";

let folder: string;
/** Notes what it is given under the number that it is told, and that alone it takes from its environment. */
let plugin: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'esb $(x) `y` "z" it\'s-'));
  plugin = join(folder, "plugin");
  await writeFile(plugin, `#!/bin/sh\nexec >"$(dirname "$0")/$NOTE"\nprintf '%s\\n' "$ARG"\ncat\n`);
  await writeFile(join(folder, "ip"), `#!/bin/sh\ncat >"$(dirname "$0")/ip-lines"\n`);
  for (const name of ["plugin", "ip"]) await chmod(join(folder, name), 0o755);
});
after(() => rm(folder, { recursive: true, force: true }));

async function runScript(script: string): Promise<ReadonlySet<number>> {
  const environment = { PATH: `${folder}:${process.env.PATH}` };
  const { stdout, stderr } = await createCommandRunner(20_000)("sh", ["-s"], { input: script, environment });
  assert.equal(stderr, "");
  return readPlaces(stdout);
}

/** What shells have a meaning for; and letters whose bytes dash has one for: 0x81 to 0x88. */
const odd = [
  "'",
  "''\\''",
  "end",
  "\nend\n",
  "$(touch x)",
  "`touch x`",
  "$HOME",
  "\\",
  "\\n",
  "&",
  "} &",
  "#",
  '"',
  "!",
  "~",
  "*",
  "ŁłńŇ",
  "\u0001\u007f",
];

test("S3 W5: whatever text plugins and their environment are given, the shell changes none of it and runs none of it", async () => {
  const text = fc.array(fc.oneof(fc.constantFrom(...odd), fc.string({ unit: "grapheme" })), { maxLength: 6 });
  const given = fc.sample(
    text.map((parts) => parts.join("").replaceAll("\0", "")),
    150,
  );
  given.push(...odd);
  const calls = given.map((what, place) => [
    { file: plugin, input: JSON.stringify({ what }), environment: { NOTE: `note-${place}`, ARG: what } },
  ]);
  const lines = ["route del 240.0.0.1/32 dev $HOME", "netns delete `x`"];
  const done = await runScript(detachScript(lines, calls));
  assert.equal(done.size, given.length);
  for (const [place, what] of given.entries()) {
    const noted = await readFile(join(folder, `note-${place}`), "utf8");
    assert.equal(noted, `${what}\n${JSON.stringify({ what })}\n`);
  }
  assert.equal(await readFile(join(folder, "ip-lines"), "utf8"), `${lines.join("\n")}\n`);
});

test("S3 W5: what would be more than one line is not put into a script", () => {
  const call = { file: plugin, input: "{}\nend\ntouch x", environment: {} };
  assert.throws(() => detachScript([], [[call]]), RangeError);
  assert.throws(() => detachScript(["route del 240.0.0.1\nend\ntouch x"], []), RangeError);
});
