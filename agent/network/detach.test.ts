import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { createCni } from "./cni.ts";
import { createCommandRunner } from "./commands.ts";
import { createDetach } from "./detach.ts";
import { createIp } from "./ip.ts";

const real = createCommandRunner(10_000);
let folder: string;
let path: string | undefined;

/** Plugins and an `ip` that note what they are given; plugins fail for an id with `bad` in it. */
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "esb it's-"));
  path = process.env.PATH;
  process.env.PATH = `${folder}:${path}`;
  const notes = `"${folder}/notes-$CNI_CONTAINERID"`;
  const plugin = `#!/bin/sh
{ echo "$(basename "$0") $CNI_COMMAND $CNI_NETNS $CNI_IFNAME"; cat; } >>${notes}
case $CNI_CONTAINERID in *bad*) echo '{"code":7,"msg":"stuck"}'; exit 1;; esac
`;
  for (const name of ["first", "second"]) await program(name, plugin);
  await program("ip", `#!/bin/sh\ncat >>"${folder}/notes-ip"\nexit 1\n`);
});
beforeEach(async () => {
  const notes = (await readdir(folder)).filter((name) => name.startsWith("notes-"));
  for (const name of notes) await rm(join(folder, name));
});
after(async () => {
  process.env.PATH = path;
  await rm(folder, { recursive: true });
});

async function program(name: string, text: string): Promise<void> {
  await writeFile(join(folder, name), text);
  await chmod(join(folder, name), 0o755);
}

const noted = (name: string) => readFile(join(folder, `notes-${name}`), "utf8").catch(() => "");

/** A `detach` that counts the processes which are started for it. */
function detaching(plugins = ["first", "second"]) {
  const started: string[] = [];
  const run: typeof real = (file, args, options) => {
    started.push(file.slice(file.lastIndexOf("/") + 1));
    return real(file, args, options);
  };
  const detach = createDetach({ bridge: "lab0", run, ip: createIp(run), cni: createCni(run, [folder]) });
  const list = {
    cniVersion: "0.4.0" as const,
    name: "lab",
    plugins: plugins.map((type) => ({ type, note: "it's $HOME" })),
  };
  const one = (id: string, last: number) =>
    detach({ id, list, result: { ips: [] }, address: `10.9.0.${last}`, identity: `240.0.0.${last}` });
  return { one, started };
}

test("S3: many attachments are taken apart by two processes: ip has lines of all, each plugin its configuration", async () => {
  const { one, started } = detaching();
  await Promise.all(Array.from({ length: 20 }, (_, last) => one(`lab-${last}`, last)));
  assert.deepEqual(started, ["sh", "sh"]);
  const lines = (await noted("ip")).trim().split("\n");
  const [, ...rest] = Array.from({ length: 20 }, (_, last) => last);
  assert.deepEqual(lines, [
    "route del 240.0.0.0/32 dev lab0",
    "netns delete lab-0",
    "neighbour flush to 10.9.0.0 dev lab0 nud permanent",
    ...rest.map((last) => `route del 240.0.0.${last}/32 dev lab0`),
    ...rest.map((last) => `netns delete lab-${last}`),
    ...rest.map((last) => `neighbour flush to 10.9.0.${last} dev lab0 nud permanent`),
  ]);
  for (const last of [0, ...rest]) {
    const config = (type: string) =>
      JSON.stringify({ type, note: "it's $HOME", cniVersion: "0.4.0", name: "lab", prevResult: { ips: [] } });
    const expected = ["second DEL  eth0", config("second"), "first DEL  eth0", config("first"), ""].join("\n");
    assert.equal(await noted(`lab-${last}`), expected);
  }
});

test("S3: one whose DEL fails says so in its plugin's words, and those of its group are taken apart all the same", async () => {
  const { one } = detaching();
  const ids = ["lab-1", "lab-2", "lab-bad", "lab-3", "lab-4"];
  const outcomes = await Promise.allSettled(ids.map(one));
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason.message : "")),
    ["", "", "CNI plugin second failed in DEL: stuck", "", ""],
  );
  for (const id of ids) assert.match(await noted(id), /^second DEL[\s\S]*\nfirst DEL/, `${id}: every plugin was asked`);
  // The second time the address may be another's, since one of the plugins may have given it back.
  const lines = (await noted("ip")).split("\n").filter((line) => line.includes("10.9.0.2") || line.includes("lab-bad"));
  assert.deepEqual(lines, [
    "netns delete lab-bad",
    "neighbour flush to 10.9.0.2 dev lab0 nud permanent",
    "netns delete lab-bad",
  ]);
});

test("S3: a plugin that is not there keeps nobody's other plugins from being asked", async () => {
  const { one } = detaching(["first", "absent"]);
  const outcomes = await Promise.allSettled([one("lab-1", 1), one("lab-2", 2)]);
  for (const outcome of outcomes) assert.match(String((outcome as PromiseRejectedResult).reason), /absent is not in/);
  for (const id of ["lab-1", "lab-2"]) assert.match(await noted(id), /^first DEL/);
});

test("W5: without ip, no DEL is taken for the whole of it", async () => {
  await rm(join(folder, "ip"));
  process.env.PATH = folder;
  await writeFile(join(folder, "sh"), "#!/bin/sh\nexec /bin/sh\n", { mode: 0o755 });
  const { one } = detaching();
  await assert.rejects(one("lab-1", 1), { message: /cannot run ip/ });
});
