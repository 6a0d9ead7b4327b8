import assert from "node:assert/strict";
import { appendFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEnv } from "node:util";
import { writeChecksums } from "../../scripts/bundle/archive.ts";
import { importBases } from "../support/docker/bases.ts";
import { command } from "../support/docker/command.ts";
import { type DockerEngine, startEngine } from "../support/docker/engine.ts";
import { privilegedOverride } from "../support/docker/privileged.ts";
import { staticServer } from "../support/images.ts";
import { patienceMs, until } from "../support/process.ts";

const root = join(import.meta.dirname, "../..");
/** An image that only the first machine's engine has, so that it has to come with the bundle. */
const packed = "localhost/packed:1";

test("Offline: a bundle that one machine made installs on another that has no way out (D1)", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "esb-docker-bundle-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true }));
  const { archive, options } = await makeOn(folder);
  t.diagnostic(`the bundle has ${Math.round((await stat(archive)).size / 2 ** 20)} MiB`);

  const engine = stack.use(await startEngine("offline"));
  const environment = { ...process.env, ...engine.environment };
  await command("sh", ["-c", `cd ${folder} && sha256sum -c esb.tar.sha256`]);
  await command("tar", ["--extract", "--file", archive, "--directory", folder]);
  const [top = ""] = (await readdir(folder)).filter((name) => name.startsWith("esb-"));
  const target = join(engine.dir, "esb");
  const install = (bundle: string) => command("sh", [join(bundle, "install.sh"), ...options, target], environment);
  const compose = (...args: string[]) => engine.docker(["compose", "--file", join(target, "compose.yaml"), ...args]);
  const images = () => engine.docker(["images", "--quiet"]);

  await t.test("Offline: the second machine reaches nobody, and has no image", async () => {
    assert.equal((await engine.inside("ip", "route", "show", "default")).trim(), "");
    assert.equal(await images(), "");
  });

  await t.test("Offline: a bundle that is not whole is refused, and nothing is loaded or written", async () => {
    const cut = join(folder, "cut");
    await cp(join(folder, top), cut, { recursive: true });
    await truncate(join(cut, "services.tar.gz"), 1_000_000);
    await assert.rejects(install(cut), /not as it was made.*\nservices\.tar\.gz: FAILED/);
    await rm(cut, { recursive: true });
    assert.equal(await images(), "");
    await assert.rejects(stat(target), { code: "ENOENT" });
  });

  await t.test("Offline: installed, both functions answer cold and warm", async () => {
    await install(join(folder, top));
    stack.defer(async () => void (await compose("down", "--volumes")));
    for (const name of ["hello", "packed"]) {
      for (const _ of ["cold", "warm"]) await assertAnswers(engine, await apiKey(compose), name);
    }
  });

  await t.test(
    "Offline: with a newer bundle, workers stay warm and a changed functions.yml stays as it is",
    async () => {
      // Neither lists in an order of its own.
      const sorted = (text: string) => text.trim().split("\n").sort();
      const warm = async () => ({
        tasks: sorted(await compose("exec", "-T", "node", "ctr", "-n", "esb", "tasks", "ls", "-q")),
        services: sorted(await compose("ps", "--quiet")),
      });
      const before = await warm();
      assert.deepEqual(before.tasks, ["hello-0", "packed-0"]);
      await appendFile(join(target, "functions.yml"), "# mine\n");
      await appendFile(join(folder, top, "config/routing.yml"), "# newer\n");
      await writeChecksums(join(folder, top));
      assert.match(await install(join(folder, top)), /functions\.yml is yours and stays as it is/);
      assert.match(await readFile(join(target, "functions.yml"), "utf8"), /# mine/);
      assert.match(await readFile(join(target, "routing.yml"), "utf8"), /# newer/);
      assert.deepEqual(await warm(), before);
      await assertAnswers(engine, await apiKey(compose), "packed");
    },
  );
});

/** Builds esb and a function of its own on a machine with a network, and packs them. */
async function makeOn(folder: string): Promise<{ archive: string; options: readonly string[] }> {
  await using engine = await startEngine();
  await importBases(engine);
  const context = join(folder, "packed");
  await mkdir(context);
  await cp(await staticServer(), join(context, "server"));
  await writeFile(
    join(context, "Dockerfile"),
    'FROM scratch\nCOPY --chmod=755 server /server\nENTRYPOINT ["/server"]\n',
  );
  await engine.docker(["build", "--tag", packed, context]);
  const functions = join(folder, "functions.yml");
  await cp(join(root, "deploy/functions.yml"), functions);
  await appendFile(functions, `\n  packed:\n    image: ${packed}\n`);
  const archive = join(folder, "esb.tar");
  const environment = { ...process.env, ...engine.environment };
  await command(
    process.execPath,
    ["scripts/bundle.ts", "--build", "--functions", functions, archive],
    environment,
    root,
  );
  const isPrivileged = (await privilegedOverride(engine)).length === 0;
  return { archive, options: isPrivileged ? [] : ["--unprivileged"] };
}

type Compose = (...args: string[]) => Promise<string>;

async function apiKey(compose: Compose): Promise<string> {
  return parseEnv(await compose("exec", "-T", "gateway", "cat", "/secrets/credentials.env")).ESB_API_KEY ?? "";
}

/** As a client on that machine: its port is published on 127.0.0.1. */
async function assertAnswers(engine: DockerEngine, key: string, name: string): Promise<void> {
  const url = `http://127.0.0.1:8080/2015-03-31/functions/${name}/invocations`;
  const script = `fetch("${url}", { method: "POST", body: "{}", headers: { "x-api-key": "${key}" } }).then(
    async (answer) => console.log(answer.status, await answer.text()), (error) => console.log(String(error)))`;
  await until(async () => assert.match(await engine.inside(process.execPath, "-e", script), /^200 /), patienceMs);
}
