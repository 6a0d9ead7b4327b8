import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { FakeClock } from "../testing/fake-clock.ts";
import { inFlightPath, openInFlight } from "./open.ts";
import { encodeRecord, offsetOf } from "./records.ts";

/** A run folder that is not there yet, and what was warned of. */
async function setUp() {
  const dir = await mkdtemp(join(tmpdir(), "esb-in-flight-"));
  const path = inFlightPath(join(dir, "run/esb"), "gateway");
  const warnings: string[] = [];
  const logger = { warn: (_fields: object, message: string) => warnings.push(message) };
  const open = () => openInFlight(path, new FakeClock(), logger);
  return { path, warnings, open, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) };
}

test("G6 S4: the file and its folder are made, for us alone, with space for the workers to come", async () => {
  await using setup = await setUp();
  using journal = setup.open();
  const { mode, size, blocks } = await stat(setup.path);
  assert.equal(mode & 0o777, 0o600);
  assert.ok(blocks * 512 >= size && size > 500 * encodeRecord("a").length);
  for (let worker = 0; worker < 500; worker++) journal.mark(`w${worker}`);
  assert.equal((await stat(setup.path)).size, size);
  assert.deepEqual(setup.warnings, []);
});

test("G6 S4: what one life has marked, without closing anything, the next one knows", async () => {
  await using setup = await setUp();
  using journal = setup.open();
  journal.mark("a");
  journal.mark("b");
  journal.clear("a");
  using next = setup.open();
  assert.deepEqual([next.isMarked("a"), next.isMarked("b")], [false, true]);
  assert.match(await readFile(setup.path, "latin1"), /^b [0-9a-f]{8} *$/m);
  assert.deepEqual(setup.warnings, []);
});

test("S6: gateways of different names have different files", () => {
  assert.notEqual(inFlightPath("/run/esb", "a"), inFlightPath("/run/esb", "b"));
});

test("S4: a file of another format is put aside", async () => {
  await using setup = await setUp();
  await mkdir(dirname(setup.path), { recursive: true });
  await writeFile(setup.path, "something else");
  using journal = setup.open();
  journal.mark("a");
  using next = setup.open();
  assert.equal(next.isMarked("a"), true);
  assert.equal(await readFile(`${setup.path}.put-aside`, "utf8"), "something else");
  assert.deepEqual(setup.warnings, ["a file of another format was put aside"]);
});

test("S4: a record that makes no sense is told and ignored, the others hold", async () => {
  await using setup = await setUp();
  {
    using journal = setup.open();
    journal.mark("a");
    journal.mark("b");
  }
  const bytes = await readFile(setup.path);
  bytes.write("torn", offsetOf(0));
  await writeFile(setup.path, bytes);
  using journal = setup.open();
  assert.deepEqual([journal.isMarked("a"), journal.isMarked("b")], [false, true]);
  assert.deepEqual(setup.warnings, ["records that make no sense are ignored"]);
});

test("S4: where the folder cannot be made it is told once, and everything goes on", async () => {
  await using setup = await setUp();
  await writeFile(dirname(dirname(setup.path)), "a file in the folder's place");
  using journal = setup.open();
  for (const id of ["a", "b"]) journal.mark(id);
  journal.clear("a");
  assert.deepEqual(setup.warnings, ["it cannot be kept which workers have a request"]);
});

test("S4: a link in the file's place is not followed", async () => {
  await using setup = await setUp();
  const folder = dirname(setup.path);
  await mkdir(folder, { recursive: true });
  await symlink(join(folder, "elsewhere"), setup.path);
  using journal = setup.open();
  journal.mark("a");
  assert.deepEqual(await readdir(folder), ["gateway-gateway.inflight"]);
  assert.deepEqual(setup.warnings, ["it cannot be kept which workers have a request"]);
});
