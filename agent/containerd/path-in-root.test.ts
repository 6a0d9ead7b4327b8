import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathInRoot } from "./path-in-root.ts";

/** The root of an image, beside something of the host. */
let root: string;

const links: Record<string, string> = {
  "/opt/absolute": "/data/tools",
  "/opt/relative": "../data/tools",
  "/opt/above": "../../../data",
  "/opt/out": "../../host/secret",
  "/opt/root": "/",
  "/opt/same": ".//./link",
  "/opt/link": "../opt/absolute/",
  "/opt/nothing": "/data/nothing",
  "/opt/loop": "loop",
  "/opt/one": "/opt/other",
  "/opt/other": "one",
  "/opt/through-file": "/data/tools/run/../run",
  "/up": "..",
};
/** Each of them leads to the one before. */
const chain = Array.from({ length: 41 }, (_, index) => `/chain/${index + 1}`);

before(async () => {
  const dir = await mkdtemp(join(tmpdir(), "esb-path-"));
  root = join(dir, "root");
  for (const folder of ["host", "root/opt", "root/data/tools", "root/chain"]) {
    await mkdir(join(dir, folder), { recursive: true });
  }
  await writeFile(join(dir, "host/secret"), "");
  await symlink(join(dir, "host"), join(root, "opt/host"));
  await writeFile(join(root, "data/tools/run"), "");
  for (const [place, target] of Object.entries(links)) await symlink(target, join(root, place));
  for (const [index, place] of chain.entries()) await symlink(index === 0 ? "/data" : String(index), join(root, place));
});
after(() => rm(join(root, ".."), { recursive: true }));

const rows: [what: string, path: string, found: string | undefined][] = [
  ["without links it stays", "/data/tools/run", "/data/tools/run"],
  ["the root is itself", "/", "/"],
  ["an absolute link begins at the image's root", "/opt/absolute/run", "/data/tools/run"],
  ["a relative one where it stands", "/opt/relative/run", "/data/tools/run"],
  ["a link to a link", "/opt/same/run", "/data/tools/run"],
  ["a link to the root", "/opt/root/data", "/data"],
  [".. of a link is beside what it leads to", "/opt/absolute/../tools", "/data/tools"],
  [".. at the root stays there", "/../../data", "/data"],
  ["so it does in a link", "/opt/above", "/data"],
  ["and in a link at the root", "/up/up/data", "/data"],
  ["what only the host has is not found by an absolute link", "/opt/host/secret", undefined],
  ["nor by a relative one", "/opt/out", undefined],
  ["a link to nothing", "/opt/nothing", undefined],
  ["a link to itself", "/opt/loop", undefined],
  ["links in a circle", "/opt/one/run", undefined],
  ["forty links", "/chain/40/tools", "/data/tools"],
  ["one more", "/chain/41/tools", undefined],
  ["a file is no folder", "/data/tools/run/x", undefined],
  ["nor has it a parent", "/opt/through-file", undefined],
];

for (const [what, path, found] of rows) {
  test(`S5 a path in an image: ${what}`, async () => {
    assert.equal(await pathInRoot(root, path), found);
  });
}
