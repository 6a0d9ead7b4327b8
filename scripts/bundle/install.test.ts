import assert from "node:assert/strict";
import { appendFile, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type FakeMachine, fakeBundle, fakeMachine } from "./machine.fake.ts";

const config = {
  "compose.dind.yaml": "one",
  "bundle.yaml": "one",
  "functions.yml": "one",
  "routing.yml": "one",
  "esb.env": "one",
  "images/old.tar.gz": "an image",
};

test("Offline: install.sh loads the images, then writes the files, then starts without building or pulling", async () => {
  await using machine = await fakeMachine();
  const { succeeded, words } = await machine.install(await fakeBundle(machine.folder, "1", config));
  assert.ok(succeeded, words);
  const calls = await machine.calls();
  const [load, up] = [
    calls.findIndex((call) => /^load/.test(call)),
    calls.findIndex((call) => /^compose up/.test(call)),
  ];
  assert.ok(load >= 0 && load < up, calls.join("\n"));
  assert.match(calls[up] ?? "", /--no-build --pull never/);
  assert.deepEqual(await machine.files(), [...Object.keys(config), ".installed", "compose.yaml", "images"].sort());
  assert.match(
    (await machine.read("compose.yaml")) ?? "",
    /path: \[compose.dind.yaml,compose.functions.yaml,bundle.yaml\]/,
  );
});

test("Offline: install.sh --verify looks at the bundle, and asks Docker nothing", async () => {
  await using machine = await fakeMachine();
  const { succeeded, words } = await machine.install(await fakeBundle(machine.folder, "1", config), "--verify");
  assert.ok(succeeded, words);
  assert.match(words, /the bundle is whole: esb 1 for linux\/amd64/);
  await assertUntouched(machine);
});

for (const [what, damage, expected] of [
  ["a changed file", (path: string) => appendFile(join(path, "config/functions.yml"), "#"), /functions\.yml: FAILED/],
  ["a changed program", (path: string) => appendFile(join(path, "install.sh"), "#"), /install\.sh: FAILED/],
  [
    "a file that was cut off",
    (path: string) => truncate(join(path, "services.tar.gz"), 1),
    /services\.tar\.gz: FAILED/,
  ],
  ["a missing file", (path: string) => rm(join(path, "services.tar.gz")), /services\.tar\.gz/],
  ["a missing list", (path: string) => rm(join(path, "SHA256SUMS")), /SHA256SUMS is missing/],
  ["a list that was cut off", (path: string) => keepLines(join(path, "SHA256SUMS"), 5), /lists 5 files, not 9/],
  ["an empty list", (path: string) => truncate(join(path, "SHA256SUMS")), /not as it was made/],
] as const) {
  test(`Offline: install.sh refuses ${what} before it touches anything`, async () => {
    await using machine = await fakeMachine();
    const bundle = await fakeBundle(machine.folder, "1", config);
    await damage(bundle);
    const { succeeded, words } = await machine.install(bundle);
    assert.equal(succeeded, false);
    assert.match(words, expected);
    await assertUntouched(machine);
  });
}

for (const [file, content, expected] of [
  ["down", "", /does not answer.*Cannot connect to the Docker daemon/],
  ["server", "20.9.1 linux/amd64", /Docker 20\.9\.1 is too old: 20\.10/],
  ["server", "28.1.0 linux/arm64", /for linux\/amd64, this engine for linux\/arm64/],
  ["compose", "v2.23.3", /Compose v2\.23\.3 is too old: 2\.24/],
  ["compose", "dev", /Compose dev is too old/],
  ["free", "10", /has 0 MiB left; esb's files take 1 MiB/],
] as const) {
  test(`Offline: install.sh refuses a machine whose ${file} is ${content || "so"}, and changes nothing`, async () => {
    await using machine = await fakeMachine();
    await machine.set(file, content);
    const { succeeded, words } = await machine.install(await fakeBundle(machine.folder, "1", config));
    assert.equal(succeeded, false);
    assert.match(words, expected);
    assert.deepEqual(
      (await machine.calls()).filter((call) => /^(load|compose up)/.test(call)),
      [],
    );
    assert.deepEqual(await machine.files(), []);
  });
}

test("Offline: install.sh takes versions with letters behind them", async () => {
  await using machine = await fakeMachine();
  await machine.set("server", "20.10.24+dfsg1 linux/amd64");
  await machine.set("compose", "v2.24.0-desktop.1");
  const { succeeded, words } = await machine.install(await fakeBundle(machine.folder, "1", config));
  assert.ok(succeeded, words);
});

test("Offline: a disk that fills up while images are loaded leaves no file, and a second try works", async () => {
  await using machine = await fakeMachine();
  const bundle = await fakeBundle(machine.folder, "1", config);
  await machine.set("full", "");
  assert.match((await machine.install(bundle)).words, /could not be loaded: no space left on device/);
  assert.deepEqual(await machine.files(), []);
  await machine.unset("full");
  assert.ok((await machine.install(bundle)).succeeded);
});

test("Offline: install.sh fails when a function's image could not be brought in", async () => {
  await using machine = await fakeMachine();
  await machine.set("functions", "1");
  const { succeeded, words } = await machine.install(await fakeBundle(machine.folder, "1", config));
  assert.equal(succeeded, false);
  assert.match(words, /functions could not bring its images in/);
});

test("Offline: a folder with somebody else's compose.yaml stays as it is", async () => {
  await using machine = await fakeMachine();
  const bundle = await fakeBundle(machine.folder, "1", config);
  await machine.install(bundle, "--no-start");
  await rm(join(machine.target, ".installed"));
  await machine.write("compose.yaml", "mine");
  assert.match((await machine.install(bundle)).words, /holds a compose\.yaml that is not esb's/);
  assert.equal(await machine.read("compose.yaml"), "mine");
});

test("Offline: settings, which may hold passwords, are for their owner's eyes only, also those of a newer bundle", async () => {
  await using machine = await fakeMachine();
  await machine.install(await fakeBundle(machine.folder, "1", config));
  await machine.write("esb.env", "mine");
  await machine.install(await fakeBundle(machine.folder, "2", { ...config, "esb.env": "two" }));
  for (const name of ["esb.env", "esb.env.new"])
    assert.equal((await stat(join(machine.target, name))).mode & 0o777, 0o600, name);
});

test("Offline: --no-start starts nothing", async () => {
  await using machine = await fakeMachine();
  await machine.install(await fakeBundle(machine.folder, "1", config), "--no-start");
  assert.deepEqual(
    (await machine.calls()).filter((call) => call.startsWith("compose up")),
    [],
  );
  assert.equal(await machine.read("functions.yml"), "one");
});

test("Offline: the same bundle again loads nothing and changes no file", async () => {
  await using machine = await fakeMachine();
  const bundle = await fakeBundle(machine.folder, "1", config);
  await machine.install(bundle);
  const before = await machine.files();
  await machine.calls();
  const { words } = await machine.install(bundle);
  assert.match(words, /the engine has all images/);
  assert.deepEqual(
    (await machine.calls()).filter((call) => call.startsWith("load")),
    [],
  );
  assert.deepEqual(await machine.files(), before);
});

test("Offline: an upgrade takes over what nobody has changed, and keeps what the owner has", async () => {
  await using machine = await fakeMachine();
  await machine.install(await fakeBundle(machine.folder, "1", config), "--unprivileged");
  await machine.write("functions.yml", "mine");
  await machine.write("compose.dind.yaml", "mine");
  await machine.write("images/mine.tar", "mine");
  const { "images/old.tar.gz": _, ...rest } = config;
  const next = Object.fromEntries(Object.keys(rest).map((name) => [name, "two"]));
  const bundle = await fakeBundle(machine.folder, "2", { ...next, "images/new.tar.gz": "another" });
  const { succeeded, words } = await machine.install(bundle);
  assert.ok(succeeded, words);
  assert.match(words, /functions\.yml is yours and stays/);
  assert.match(words, /compose\.dind\.yaml had been changed/);
  for (const [name, text] of [
    ["functions.yml", "mine"],
    ["functions.yml.new", "two"],
    ["routing.yml", "two"],
    ["esb.env", "two"],
    ["compose.dind.yaml", "two"],
    ["compose.dind.yaml.old", "mine"],
    ["images/old.tar.gz", undefined],
    ["images/new.tar.gz", "another"],
    ["images/mine.tar", "mine"],
  ] as const) {
    assert.equal(await machine.read(name), text, name);
  }
  assert.match((await machine.read("compose.yaml")) ?? "", /compose\.unprivileged\.yaml/);
});

/** Docker was asked nothing, and there is no folder. */
async function assertUntouched(machine: FakeMachine): Promise<void> {
  assert.deepEqual(await machine.calls(), []);
  assert.deepEqual(await machine.files(), []);
}

async function keepLines(path: string, count: number): Promise<void> {
  const lines = (await readFile(path, "utf8")).split("\n").slice(0, count);
  await writeFile(path, `${lines.join("\n")}\n`);
}
