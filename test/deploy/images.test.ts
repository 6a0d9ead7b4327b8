import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "../..");
const dockerfiles = ["deploy/docker/esb.Dockerfile", "deploy/docker/node.Dockerfile"];

/** What is optional is left out where it does not fit. */
interface LockedPackage {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly cpu?: readonly string[];
  readonly os?: readonly string[];
  readonly integrity?: string;
}

test("D1: images are the same on amd64 and arm64: no file of theirs names an architecture", async () => {
  for await (const file of glob("deploy/{docker/*,*.yaml}", { cwd: root })) {
    assert.doesNotMatch(await readFile(join(root, file), "utf8"), /amd64|arm64|aarch64|x86_64|\bx64\b/, file);
  }
});

test("D1: packages of agent and gateway fit every architecture, and are pinned by their content", async () => {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8"));
  const packages: [string, LockedPackage][] = Object.entries(lock.packages);
  const installed = packages.filter(([path, { dev }]) => path !== "" && dev !== true);
  assert.notEqual(installed.length, 0);
  for (const [path, { cpu, os, integrity }] of installed) {
    assert.deepEqual([cpu, os], [undefined, undefined], path);
    assert.match(integrity ?? "", /^sha512-/, path);
  }
});

test("D1: base images and Debian's packages have versions", async () => {
  for (const file of dockerfiles) {
    const text = await readFile(join(root, file), "utf8");
    for (const [, image = ""] of text.matchAll(/^ARG \w+=(\S+)$/gm)) assert.match(image, /:\d+\.\d+/, file);
    for (const [, image = ""] of text.matchAll(/^FROM (?:--\S+ )?(\S+)/gm)) {
      assert.ok(/^\$\{\w+\}$/.test(image) || text.includes(` AS ${image}\n`), `${file}: ${image}`);
    }
    const installs = [...text.matchAll(/--no-install-recommends ([^&\\\n]+)/g)].flatMap(([, names = ""]) =>
      names.trim().split(/\s+/),
    );
    assert.notEqual(installs.length, 0);
    for (const name of installs) assert.match(name, /^[a-z0-9-]+=[\d.]+\*$/, file);
  }
});
