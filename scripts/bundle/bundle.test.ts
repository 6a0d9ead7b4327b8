import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { readArguments } from "./arguments.ts";
import { makeBundle } from "./bundle.ts";
import { FakeDocker, sha256 } from "./docker.fake.ts";

const run = promisify(execFile);
const services = {
  agent: { image: "esb/agent:latest", build: {} },
  gateway: { image: "esb/gateway:latest", build: {} },
  s3: { image: "rustfs/rustfs:1", profiles: ["s3"] },
};
const images = {
  "esb/agent:latest": { layers: ["base", "agent"] },
  "esb/gateway:latest": { layers: ["base", "gateway"] },
  "rustfs/rustfs:1": { layers: ["rustfs"], isRemote: true },
  "registry.example/mine:1": { layers: ["base", "mine"] },
  "registry.example/untagged:latest": { layers: ["untagged"] },
};
const functions = `functions:
  one: { image: "registry.example/mine:1" }
  two: { image: "registry.example/mine:1" }
  three: { image: "registry.example/untagged", pullPolicy: always }
  hello: { image: "localhost/esb-hello:latest" }
`;

test("Offline: a bundle holds each image once, what its files are, and sums that hold", async () => {
  await using bundle = await bundled();
  const { folder, told } = bundle;
  await run("sha256sum", ["-c", "SHA256SUMS"], { cwd: folder });
  await run("sha256sum", ["-c", "esb.tar.sha256"], { cwd: bundle.parent });
  const manifest = await readFile(join(folder, "MANIFEST"), "utf8");
  assert.match(manifest, /^platform linux\/amd64$/m);
  assert.match(manifest, /^service s3$/m);
  assert.match(manifest, /^service-image sha256:[0-9a-f]{64} esb\/agent:latest$/m);
  assert.match(manifest, /^function-image sha256:[0-9a-f]{64} registry\.example\/mine:1$/m);
  assert.deepEqual(await readdir(join(folder, "config/images")), [
    "registry.example_mine_1.tar.gz",
    "registry.example_untagged_latest.tar.gz",
  ]);
  assert.equal(await readFile(join(folder, "config/functions.yml"), "utf8"), functions);
  // compose.dind.yaml includes it.
  await access(join(folder, "config/compose.services.yaml"));
  assert.deepEqual(
    await saved(folder, "services.tar.gz"),
    ["manifest.json", ...["base", "agent", "gateway", "rustfs"].map((layer) => `${sha256(layer)}/layer.tar`)].sort(),
  );
  assert.ok(
    told.some((sentence) => /three has pullPolicy: always/.test(sentence)),
    told.join("\n"),
  );
  assert.deepEqual((await readdir(bundle.parent)).sort(), [
    "esb-0.1.0-linux-amd64",
    "esb.tar",
    "esb.tar.sha256",
    "functions.yml",
  ]);
});

test("Offline: the same images and files give the same bytes, in whatever order the engine saves them", async () => {
  const docker = new FakeDocker(images, { services });
  await using one = await bundled(docker);
  await using two = await bundled(docker);
  assert.equal(
    await readFile(join(one.parent, "esb.tar.sha256"), "utf8"),
    await readFile(join(two.parent, "esb.tar.sha256"), "utf8"),
  );
});

test("Offline: what the engine lacks is pulled, what is built is not", async () => {
  const docker = new FakeDocker(images, { services });
  await using _ = await bundled(docker);
  assert.deepEqual(
    docker.calls.filter((call) => call.startsWith("pull")),
    ["pull --quiet rustfs/rustfs:1"],
  );
  const unbuilt = new FakeDocker({ ...images, "esb/agent:latest": { layers: [], isRemote: true } }, { services });
  await assert.rejects(bundled(unbuilt), /esb\/agent:latest is not built yet/);
});

test("Offline: the image comes first that tells what the archive is, and what checks it", async () => {
  await using bundle = await bundled();
  const { stdout } = await run("tar", ["--list", "--file", join(bundle.parent, "esb.tar")]);
  const names = stdout.split("\n").map((name) => name.replace(/^[^/]*\//, ""));
  assert.deepEqual(names.slice(0, 3), ["install.sh", "SHA256SUMS", "MANIFEST"]);
});

test("Offline: images for two platforms are refused, and nothing is left", async () => {
  const docker = new FakeDocker(
    { ...images, "registry.example/mine:1": { layers: [], platform: "linux/arm64" } },
    { services },
  );
  const parent = await mkdtemp(join(tmpdir(), "esb-test-"));
  await assert.rejects(
    bundled(docker, functions, parent),
    /not all for one platform:\n.*linux\/arm64 registry\.example\/mine:1/s,
  );
  assert.deepEqual(await readdir(parent), ["functions.yml"]);
  await rm(parent, { recursive: true });
});

test("Offline: a function's image that is named by a digest is refused", async () => {
  const text = `functions: { one: { image: "registry.example/mine@sha256:${"0".repeat(64)}" } }`;
  await assert.rejects(bundled(new FakeDocker(images, { services }), text), /one: .*name it by a tag/);
});

async function bundled(docker = new FakeDocker(images, { services }), text = functions, parent?: string) {
  await using stack = new AsyncDisposableStack();
  const where = parent ?? (await mkdtemp(join(tmpdir(), "esb-test-")));
  if (parent === undefined) stack.defer(() => rm(where, { recursive: true, force: true }));
  await mkdir(where, { recursive: true });
  await writeFile(join(where, "functions.yml"), text);
  const told: string[] = [];
  const options = readArguments([
    "--profile",
    "s3",
    "--functions",
    join(where, "functions.yml"),
    join(where, "esb.tar"),
  ]);
  const archive = await makeBundle(options, { docker, environment: {}, tell: (sentence) => told.push(sentence) });
  await run("tar", ["--extract", "--file", archive, "--directory", where]);
  const owned = stack.move();
  return {
    parent: where,
    folder: join(where, "esb-0.1.0-linux-amd64"),
    told,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Names in an archive of images, without their configurations. */
async function saved(folder: string, name: string): Promise<string[]> {
  const { stdout } = await run("tar", ["--list", "--gzip", "--file", join(folder, name)]);
  return stdout
    .split("\n")
    .filter((line) => line !== "" && (line === "manifest.json" || !line.endsWith(".json")))
    .sort();
}
