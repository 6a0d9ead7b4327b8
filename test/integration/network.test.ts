import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { test } from "node:test";
import { openLab, run, server } from "./network-lab.ts";

const never = new AbortController().signal;

test("the host reaches a worker at its address and at its identity address, and the worker has its files", async () => {
  await using lab = await openLab();
  const network = await lab.open({ ESB_DNS: ["192.0.2.53"] });
  await network.setup(never);
  const attachment = await network.take(never);
  assert.equal(attachment.namespacePath, `/run/netns/${attachment.id}`);
  assert.equal(attachment.endpoint.port, 8080);
  await lab.start(attachment, server("0.0.0.0", 8080, "a worker"));
  const answer = await fetch(`http://${attachment.endpoint.host}:8080/`);
  assert.equal(await answer.text(), "a worker");
  const own = await lab.addressOf(attachment);
  assert.notEqual(own, attachment.endpoint.host);
  assert.equal(await (await fetch(`http://${own}:8080/`)).text(), "a worker");
  assert.match(await readFile(attachment.resolvConfPath, "utf8"), /^nameserver 192\.0\.2\.53$/m);
  assert.equal(await readFile(attachment.hostsPath, "utf8"), "127.0.0.1 localhost\n");
  assert.equal((await stat(attachment.resolvConfPath)).mode & 0o777, 0o644);
  assert.equal((await stat(attachment.hostsPath)).mode & 0o777, 0o644);
  const routes = await run("ip", "-n", attachment.id, "route");
  assert.match(routes, new RegExp(`default via ${lab.gateway} dev eth0`));
  assert.doesNotMatch(await run("ip", "-n", attachment.id, "address", "show", "eth0"), /inet6/);
  assert.doesNotMatch(await run("ip", "address", "show", lab.bridge), /inet6/);
  assert.match(await run("ip", "-n", attachment.id, "address", "show", "lo"), /127\.0\.0\.1/);
});

test("setup may be repeated: one masquerade rule, one jump to each chain, one route", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  const once = await lab.traces();
  await network.setup(never);
  await (await lab.open()).setup(never);
  const rules = (await run("iptables-save")).split("\n").filter((line) => line.includes(lab.name));
  assert.equal(rules.filter((line) => line.includes("MASQUERADE")).length, 1);
  assert.equal(rules.filter((line) => /^-A (FORWARD|INPUT|POSTROUTING) /.test(line)).length, 4);
  assert.deepEqual(await lab.traces(), once);
});

test("twenty at once have twenty addresses", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  const taken = await Promise.all(Array.from({ length: 20 }, () => network.take(never)));
  assert.equal(new Set(taken.map((one) => one.endpoint.host)).size, 20);
  assert.equal(new Set(taken.map((one) => one.id)).size, 20);
});

test("a full subnet says so, and has room again after a release", async () => {
  await using lab = await openLab(29);
  const network = await lab.open();
  await network.setup(never);
  const taken = await Promise.all(Array.from({ length: 5 }, () => network.take(never)));
  const before = await lab.traces();
  await assert.rejects(network.take(never), { code: "NETWORK_EXHAUSTED", message: /no IP addresses available/ });
  assert.deepEqual(await lab.traces(), before);
  const [first] = taken;
  assert.ok(first);
  const address = await lab.addressOf(first);
  await network.release(first.id);
  const again = await network.take(never);
  assert.match(await run("ip", "-n", again.id, "-4", "address", "show", "eth0"), new RegExp(`${address}/29`));
});

test("packets to a worker that is gone do not leave the machine, also without the bridge", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  const attachment = await network.take(never);
  const address = await lab.addressOf(attachment);
  await network.release(attachment.id);
  assert.match(await lab.connect(undefined, attachment.endpoint.host, 8080), /^E(HOST|NET)UNREACH$/);
  await run("ip", "link", "del", lab.bridge);
  for (const host of [address, attachment.endpoint.host]) {
    await assert.rejects(run("ip", "route", "get", host), /No route to host|unreachable/i);
    assert.match(await lab.connect(undefined, host, 8080), /^E(HOST|NET)UNREACH$/);
  }
});

test("a bridge that was removed is made anew for the next worker", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  await run("ip", "link", "del", lab.bridge);
  const attachment = await network.take(never);
  await lab.start(attachment, server("0.0.0.0", 8080));
  assert.equal(await lab.connect(undefined, attachment.endpoint.host, 8080), "connected");
  assert.match(await run("ip", "link", "show", lab.bridge), /alias esb network/);
});

test("teardown leaves no trace, also of workers that are still there, and may be repeated", async () => {
  await using lab = await openLab();
  const before = await lab.traces();
  const network = await lab.open({ ESB_NETWORK_POOL: 2 });
  await network.teardown();
  await network.setup(never);
  await network.take(never);
  assert.notDeepEqual(await lab.traces(), before);
  await network.teardown();
  assert.deepEqual(await lab.traces(), before);
  await (await lab.open()).teardown();
  await assert.rejects(network.take(never), { code: "NETWORK_FAILED", message: /not set up/ });
});
