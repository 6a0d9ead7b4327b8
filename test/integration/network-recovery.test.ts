import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type NetworkLab, openLab, run, server } from "./network-lab.ts";

const never = new AbortController().signal;

async function namespaces(lab: NetworkLab): Promise<string[]> {
  const names = (await run("ip", "netns", "list")).split("\n").map((line) => line.split(" ")[0] ?? "");
  return names.filter((name) => name.startsWith(`${lab.name}-`)).sort();
}

async function onDisk(lab: NetworkLab): Promise<{ records: string[]; reservations: string[] }> {
  const records = (await readdir(join(lab.dir, "state/network")).catch(() => [])).filter((name) =>
    name.endsWith(".json"),
  );
  const reservations = await readdir(join(lab.dir, "state/network/ipam", lab.name)).catch(() => []);
  return { records: records.sort(), reservations: reservations.filter((name) => name.startsWith("10.")).sort() };
}

/** Ids in the order of their making: addresses are given out one after the other. */
async function oldestFirst(lab: NetworkLab): Promise<string[]> {
  const folder = join(lab.dir, "state/network");
  const { records } = await onDisk(lab);
  const parsed = await Promise.all(records.map(async (name) => JSON.parse(await readFile(join(folder, name), "utf8"))));
  return parsed.sort((a, b) => a.address.localeCompare(b.address)).map((record) => record.id);
}

/** Waits for the background: looks again and again until it is as wanted. */
async function eventually(look: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await look())) assert.ok(Date.now() < deadline, "it did not happen");
}

test("an attachment is on disk before it is handed out, and released by another life of the agent", async () => {
  await using lab = await openLab();
  const first = await lab.open();
  await first.setup(never);
  const { id, endpoint } = await first.take(never);
  const record = JSON.parse(await readFile(join(lab.dir, "state/network", `${id}.json`), "utf8"));
  assert.equal(record.identity, endpoint.host);
  assert.equal(record.result.ips[0].address, `${record.address}/24`);
  assert.equal(record.list.name, lab.name);
  const second = await lab.open();
  await second.release(id);
  assert.deepEqual(await namespaces(lab), []);
  assert.deepEqual(await onDisk(lab), { records: [], reservations: [] });
  await second.release(id);
  await first.release(id);
});

test("a namespace that was deleted from outside is released all the same", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  const attachment = await network.take(never);
  const address = await lab.addressOf(attachment);
  await run("ip", "netns", "delete", attachment.id);
  await network.release(attachment.id);
  assert.deepEqual(await onDisk(lab), { records: [], reservations: [] });
  assert.equal(await run("ip", "neighbour", "show", address, "dev", lab.bridge), "");
  assert.equal(await run("ip", "route", "show", attachment.endpoint.host), "");
});

test("a lost or broken record does not keep an attachment from being released", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  const [one, other] = await Promise.all([network.take(never), network.take(never)]);
  await rm(join(lab.dir, "state/network", `${one.id}.json`));
  await writeFile(join(lab.dir, "state/network", `${other.id}.json`), "{");
  await network.release(one.id);
  await network.release(other.id);
  assert.deepEqual(await namespaces(lab), []);
  for (const { endpoint } of [one, other]) assert.equal(await run("ip", "route", "show", endpoint.host), "");
  assert.deepEqual(await onDisk(lab), { records: [], reservations: [] });
});

test("ids that are not ours are left alone", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  for (const id of ["", "../../etc/passwd", "port-20000-01234567x", "x\nnetns delete y", `${lab.name}-nothex00`]) {
    await network.release(id);
  }
});

test("the sweep removes what a crash left and keeps what is in use", async () => {
  await using lab = await openLab();
  const crashed = await lab.open({ ESB_NETWORK_POOL: 2 });
  await crashed.setup(never);
  const kept = await crashed.take(never);
  const lost = await crashed.take(never);
  lab.elapse();
  await eventually(async () => (await onDisk(lab)).records.length === 4);
  await run("ip", "netns", "delete", lost.id);
  await run("ip", "netns", "add", `${lab.name}-0badcafe`);
  await writeFile(join(lab.dir, "state/network/ipam", lab.name, lab.gateway.replace(/1$/, "200")), "who\r\neth0");
  await run("ip", "link", "add", `o${lab.name}`, "type", "veth", "peer", "name", `p${lab.name}`);
  await run("ip", "link", "set", `o${lab.name}`, "master", lab.bridge);
  const stale = lab.identities.replace("0.0/16", "255.255");
  await run("ip", "route", "add", stale, "via", await lab.addressOf(kept), "dev", lab.bridge);

  const network = await lab.open({ ESB_NETWORK_POOL: 2 });
  await network.setup(never);
  await lab.start(kept, server("0.0.0.0", 8080));
  assert.equal(await network.sweep(new Set([kept.id])), 4);
  assert.deepEqual(await namespaces(lab), [kept.id]);
  assert.deepEqual(await onDisk(lab), { records: [`${kept.id}.json`], reservations: [await lab.addressOf(kept)] });
  assert.doesNotMatch(await run("ip", "route", "show", "dev", lab.bridge), new RegExp(stale));
  await eventually(
    async () => (await run("ip", "-brief", "link", "show", "master", lab.bridge)).split("\n").length === 2,
  );
  assert.equal(await lab.connect(undefined, kept.endpoint.host, 8080), "connected");
  assert.equal(await network.sweep(new Set([kept.id])), 0);
});

test("S3: many are taken apart at once, also those of which something is gone; one that cannot be is told and left", async () => {
  await using lab = await openLab();
  const crashed = await lab.open();
  await crashed.setup(never);
  const taken = await Promise.all(Array.from({ length: 10 }, () => crashed.take(never)));
  const [stuck, without, unrouted, unknown] = taken;
  assert.ok(stuck && without && unrouted && unknown);
  await run("ip", "netns", "delete", without.id);
  await run("ip", "neighbour", "del", await lab.addressOf(without), "dev", lab.bridge);
  await run("ip", "route", "del", unrouted.endpoint.host);
  await rm(join(lab.dir, "state/network", `${unknown.id}.json`));
  // A list whose plugin is not there, for this attachment alone.
  const path = join(lab.dir, "state/network", `${stuck.id}.json`);
  const record = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...record, list: { ...record.list, plugins: [{ type: "absent" }] } }));

  const network = await lab.open();
  await network.setup(never);
  lab.logs.length = 0;
  assert.equal(await network.sweep(new Set()), 9);
  assert.deepEqual(await namespaces(lab), []);

  assert.deepEqual(await onDisk(lab), { records: [`${stuck.id}.json`], reservations: [record.address] });
  assert.equal(await run("ip", "neighbour", "show", "dev", lab.bridge, "nud", "permanent"), "");
  for (const { endpoint } of taken) assert.equal(await run("ip", "route", "show", endpoint.host), "");
  const told = lab.logs.filter(({ message }) => message.startsWith("could not release"));
  assert.deepEqual(
    told.map(({ fields }) => (fields as { attachment: string }).attachment),
    [stuck.id],
  );
  await writeFile(path, JSON.stringify(record));
  assert.equal(await network.sweep(new Set()), 1);
  assert.deepEqual(await onDisk(lab), { records: [], reservations: [] });
});

test("S7: what an agent that was killed had released but not forgotten takes nothing from who has its address now", async () => {
  await using lab = await openLab(29);
  const killed = await lab.open();
  await killed.setup(never);
  // The subnet has no more addresses.
  const [released, ...others] = await Promise.all(Array.from({ length: 5 }, () => killed.take(never)));
  assert.ok(released);
  const path = join(lab.dir, "state/network", `${released.id}.json`);
  const record = await readFile(path, "utf8");
  const address = await lab.addressOf(released);
  await killed.release(released.id);
  const next = await killed.take(never);
  assert.equal(await lab.addressOf(next), address);
  await writeFile(path, record);

  const network = await lab.open();
  await network.setup(never);
  const neighbour = () => run("ip", "neighbour", "show", address, "dev", lab.bridge);
  const before = await neighbour();
  assert.match(before, /PERMANENT/);
  assert.equal(await network.sweep(new Set([next, ...others].map(({ id }) => id))), 1);
  assert.equal(await neighbour(), before);
  assert.ok(!(await onDisk(lab)).records.includes(`${released.id}.json`));
});

test("S3: what is being attached while sweeps run is no leftover", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  let sweeping = true;
  const sweeps = (async () => {
    let released = 0;
    while (sweeping) released += await network.sweep(new Set());
    return released;
  })();
  const taken = await Promise.all(Array.from({ length: 8 }, () => network.take(never)));
  sweeping = false;
  assert.equal(await sweeps, 0);
  assert.deepEqual(await namespaces(lab), taken.map(({ id }) => id).sort());
  assert.equal((await onDisk(lab)).reservations.length, 8);
  for (const { id } of taken) assert.equal(await network.isIntact(id), true);
  const lost = taken[0]?.id ?? "";
  await run("ip", "netns", "delete", lost);
  assert.equal(await network.isIntact(lost), false);
});

test("a worker in use whose record is lost keeps its network in a sweep", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  const kept = await network.take(never);
  await lab.start(kept, server("0.0.0.0", 8080));
  await rm(join(lab.dir, "state/network", `${kept.id}.json`));
  assert.equal(await (await lab.open()).sweep(new Set([kept.id])), 0);
  assert.equal(await lab.connect(undefined, kept.endpoint.host, 8080), "connected");
});

test("a namespace of another network whose name begins with ours is left alone", async () => {
  await using lab = await openLab();
  const theirs = `${lab.name}-x-01234567`;
  await run("ip", "netns", "add", theirs);
  lab.defer(() => run("ip", "netns", "delete", theirs));
  const network = await lab.open();
  await network.setup(never);
  await network.sweep(new Set());
  assert.deepEqual(await namespaces(lab), [theirs]);
});

test("the pool is filled in the background, serves, is skipped when it went bad, and is emptied at the end", async () => {
  await using lab = await openLab();
  const network = await lab.open({ ESB_NETWORK_POOL: 2 });
  await network.setup(never);
  await network.sweep(new Set());
  assert.deepEqual(await namespaces(lab), []);
  lab.elapse();
  await eventually(async () => (await onDisk(lab)).records.length === 2);
  const pooled = await oldestFirst(lab);
  await run("ip", "netns", "delete", pooled[0] ?? "");

  const taken = await network.take(never);
  assert.equal(taken.id, pooled[1]);
  await eventually(async () => (await onDisk(lab)).records.length === 1);
  lab.elapse();
  await eventually(async () => (await onDisk(lab)).records.length === 3);
  await network.close();
  assert.deepEqual(await namespaces(lab), [taken.id]);
  assert.deepEqual(await onDisk(lab), { records: [`${taken.id}.json`], reservations: [await lab.addressOf(taken)] });
});
