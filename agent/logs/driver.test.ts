import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { installLogDriver, logDriverProblem, logDriverUri, removeLogDriver } from "./driver.ts";

const owner = { id: "hello-0", instanceId: "instance-1" };

test("W9: the driver's URI has one key, whatever the folders are called: of two, containerd mixes up the order", () => {
  for (const stateDir of ["/var/lib/esb", "/tmp/a b&c=d;e%2Ff?g#h+ü"]) {
    const options = { stateDir, folder: `${stateDir}/workers`, fileBytes: 5 * 1024 * 1024, files: 2 };
    const uri = logDriverUri(options, owner);
    const { protocol, host, pathname, searchParams } = new URL(uri);
    assert.deepEqual([protocol, host, pathname], ["binary:", "", "/usr/bin/perl"]);
    const [[script, argument] = [], ...more] = [...searchParams];
    assert.equal(script, `${stateDir}/logger.pl`);
    assert.match(argument ?? "", /^5242880:2:1048576:\d+:0:/);
    assert.ok(argument?.endsWith(`:0:${stateDir}/workers/hello-0.instance-1`));
    const ofExtension = new URL(logDriverUri(options, owner, 3)).searchParams.get(`${stateDir}/logger.pl`);
    assert.ok(ofExtension?.endsWith(`:3:${stateDir}/workers/hello-0.instance-1`));
    assert.deepEqual(more, []);
    // Go takes a semicolon for an error, and would take a plus for a space.
    assert.doesNotMatch(uri, /[;+ ]/);
  }
});

test("W9: the driver is put where containerd finds it, in place of an older one", async () => {
  const stateDir = await mkdtemp(join(tmpdir(), "esb-driver-"));
  const path = join(stateDir, "logger.pl");
  try {
    const warnings: string[] = [];
    const logger = { warn: (text: string) => warnings.push(text) } as unknown as Parameters<typeof installLogDriver>[1];
    await writeFile(path, "an older one");
    await installLogDriver(stateDir, logger);
    const { ino } = await stat(path);
    await installLogDriver(stateDir, logger);
    assert.equal((await stat(path)).ino, ino, "S5: what is right is not written again, as on a full disk it cannot be");
    assert.equal(await readFile(path, "utf8"), await readFile(join(import.meta.dirname, "logger.pl"), "utf8"));
    assert.equal((await stat(path)).mode & 0o022, 0, "nobody else can change what runs as root");
    assert.deepEqual(warnings, []);
    await removeLogDriver(stateDir);
    await assert.rejects(stat(path), { code: "ENOENT" });
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
});

test("W9: what containerd says of a driver that cannot run is told as the machine's trouble, with its package", () => {
  const refused = (words: string) => `failed to create shim task: failed to create init process I/O: ${words}: unknown`;
  const gone = refused("failed to start binary process: fork/exec /usr/bin/perl: no such file or directory");
  assert.match(logDriverProblem(gone) ?? "", /\/usr\/bin\/perl.* perl-base$/);
  const full = refused("failed to start binary process: fork/exec /usr/bin/perl: resource temporarily unavailable");
  assert.match(logDriverProblem(full) ?? "", /cannot be started: fork\/exec .*: resource temporarily unavailable$/);
  for (const other of [
    "failed to create shim task: OCI runtime create failed: no such file or directory: unknown",
    "",
  ]) {
    assert.equal(logDriverProblem(other), undefined);
  }
});
