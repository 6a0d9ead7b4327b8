import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type NetworkLab, openLab, run, server } from "./network-lab.ts";

const never = new AbortController().signal;

/** A plugin folder with one plugin of ours, and a list that runs it after the bridge plugin. */
async function withPlugin(lab: NetworkLab, script: string) {
  const folder = join(lab.dir, "plugins");
  await mkdir(folder);
  await writeFile(join(folder, "stubborn"), `#!/bin/sh\n${script}\n`);
  await chmod(join(folder, "stubborn"), 0o755);
  const list = JSON.parse(await readFile(new URL("../../cni/esb.conflist", import.meta.url), "utf8"));
  list.plugins.push({ type: "stubborn" });
  const path = join(lab.dir, "list.json");
  await writeFile(path, JSON.stringify(list));
  return { ESB_CNI_CONF: path, ESB_CNI_BIN_DIR: [folder, "/opt/cni/bin", "/usr/lib/cni"] };
}

async function reservations(lab: NetworkLab): Promise<string[]> {
  const names = await readdir(join(lab.dir, "state/network/ipam", lab.name)).catch(() => []);
  return names.filter((name) => name.startsWith("10."));
}

test("a plugin that fails is quoted, its words and its standard error, and nothing is left", async () => {
  await using lab = await openLab();
  const answer = '{"cniVersion":"0.4.0","code":11,"msg":"the switch is full","details":"port 7"}';
  const settings = await withPlugin(
    lab,
    `[ "$CNI_COMMAND" = DEL ] && exit 0; echo "cable?" >&2; echo '${answer}'; exit 1`,
  );
  const network = await lab.open(settings);
  await network.setup(never);
  const before = await lab.traces();
  await assert.rejects(network.take(never), {
    code: "NETWORK_FAILED",
    message: "CNI plugin stubborn failed in ADD: the switch is full: port 7; on standard error: cable?",
  });
  assert.deepEqual(await reservations(lab), []);
  assert.deepEqual(await lab.traces(), before);
});

test("a plugin that fails in DEL as well does not keep the others from theirs", async () => {
  await using lab = await openLab();
  const network = await lab.open(await withPlugin(lab, "echo broken >&2; exit 1"));
  await network.setup(never);
  await assert.rejects(network.take(never), { code: "NETWORK_FAILED", message: /stubborn failed in ADD.*broken/ });
  assert.deepEqual(await reservations(lab), []);
  assert.ok(!(await run("ip", "netns", "list")).includes(lab.name));
  assert.ok(lab.logs.some((line) => line.message.includes("could not take a failed attachment apart")));
});

test("a call that is given up while a plugin hangs returns, and nothing is left", async () => {
  await using lab = await openLab();
  const begun = join(lab.dir, "begun");
  const script = `[ "$CNI_COMMAND" = DEL ] && exit 0; echo >${begun}.part; mv ${begun}.part ${begun}; exec sleep 60`;
  const network = await lab.open(await withPlugin(lab, script));
  await network.setup(never);
  const giveUp = new AbortController();
  const taken = network.take(giveUp.signal);
  const checked = assert.rejects(taken, /enough/);
  while (!(await readdir(lab.dir)).includes("begun"));
  giveUp.abort(new Error("enough"));
  await checked;
  await network.close();
  assert.deepEqual(await reservations(lab), []);
  assert.ok(!(await run("ip", "netns", "list")).includes(lab.name));
});

test("a missing plugin is named with where it was looked for and where it comes from", async () => {
  await using lab = await openLab();
  const network = await lab.open({ ESB_CNI_BIN_DIR: [join(lab.dir, "a"), join(lab.dir, "b")] });
  await assert.rejects(network.setup(never), {
    code: "NETWORK_FAILED",
    message: `CNI plugin bridge is not in ${lab.dir}/a, ${lab.dir}/b (ESB_CNI_BIN_DIR); apt install containernetworking-plugins`,
  });
  assert.deepEqual(await lab.traces(), []);
});

test("a bridge of somebody else with our name is left alone", async () => {
  await using lab = await openLab();
  await run("ip", "link", "add", lab.bridge, "type", "bridge");
  lab.defer(() => run("ip", "link", "del", lab.bridge));
  const network = await lab.open();
  const before = await lab.traces();
  await assert.rejects(network.setup(never), { code: "NETWORK_FAILED", message: /did not make.*LAMBDA_NETWORK/ });
  await network.teardown();
  assert.deepEqual(await lab.traces(), before);
});

test("a subnet that somebody else uses is refused before anything is changed", async () => {
  await using lab = await openLab();
  const theirs = `x${lab.name}`;
  await run("ip", "link", "add", theirs, "type", "bridge");
  lab.defer(() => run("ip", "link", "del", theirs));
  await run("ip", "address", "add", `${lab.gateway}/28`, "dev", theirs);
  const before = await lab.traces();
  const network = await lab.open();
  const expected = {
    code: "NETWORK_FAILED",
    message: new RegExp(`overlaps .*/28 of interface ${theirs}; set ESB_SUBNET`),
  };
  await assert.rejects(network.setup(never), expected);
  assert.deepEqual(await lab.traces(), before);
});

test("a bridge that workers are attached to does not change its subnet; without workers it does", async () => {
  await using lab = await openLab(25);
  const network = await lab.open();
  await network.setup(never);
  const attachment = await network.take(never);
  const changed = await lab.open({ ESB_SUBNET: lab.subnet.replace(".0/25", ".128/25") });
  await assert.rejects(changed.setup(never), { code: "NETWORK_FAILED", message: /workers are attached/ });
  await network.release(attachment.id);
  // The kernel removes the worker's interface a moment later.
  while ((await run("ip", "link", "show", "master", lab.bridge)) !== "");
  await changed.setup(never);
  assert.match(await lab.addressOf(await changed.take(never)), /\.(129|1[3-9]\d|2\d\d)$/);
  assert.doesNotMatch((await lab.traces()).join("\n"), /unreachable [\d.]+\.0\/25/);
});

test("S7: identity addresses that another esb of this machine has are refused before anything is changed", async () => {
  await using first = await openLab();
  const network = await first.open();
  await network.setup(never);
  await using second = await openLab();
  const before = await second.traces();
  const sharing = await second.open({ ESB_IDENTITY_SUBNET: first.identities });
  await assert.rejects(sharing.setup(never), {
    code: "NETWORK_FAILED",
    message: new RegExp(`identity addresses ${first.identities} overlap the route.*set ESB_IDENTITY_SUBNET`),
  });
  assert.deepEqual(await second.traces(), before);
  await sharing.teardown();
  await network.setup(never);
  assert.match(
    await run("ip", "route", "show", first.identities),
    /^unreachable/,
    "the first one's guard is still there",
  );
});

test("S7: another range of identity addresses leaves nothing of the one before, and its workers their routes", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  const kept = await network.take(never);
  await lab.start(kept, server("0.0.0.0", 8080));
  await using other = await openLab();
  const changed = await lab.open({ ESB_IDENTITY_SUBNET: other.identities });
  await changed.setup(never);
  assert.equal(await changed.sweep(new Set([kept.id])), 0);
  assert.equal(await run("ip", "route", "show", lab.identities), "");
  assert.equal(await lab.connect(undefined, kept.endpoint.host, 8080), "connected");
  assert.equal((await changed.take(never)).endpoint.host.split(".")[1], other.identities.split(".")[1]);
  await changed.teardown();
  assert.equal(await run("ip", "route", "show", other.identities), "");
});
