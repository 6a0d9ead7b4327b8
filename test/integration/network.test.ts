import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { test } from "node:test";
import { assertPrompt } from "../support/slowness.ts";
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
  assert.equal(
    await readFile(attachment.hostsPath, "utf8"),
    "127.0.0.1 localhost\n0.0.0.0 sandbox.localdomain sandbox\n",
  );
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

test("W5: on a full subnet what is made ahead of need goes to whoever needs it", async () => {
  await using lab = await openLab(29);
  const network = await lab.open({ ESB_NETWORK_POOL: 3 });
  await network.setup(never);
  await network.sweep(new Set());
  // The pool fills at the same time as five workers want all five addresses.
  lab.elapse();
  const taken = await Promise.all(Array.from({ length: 5 }, () => network.take(never)));
  assert.equal(new Set(taken.map((one) => one.id)).size, 5);
  for (const { id } of taken.slice(0, 3)) {
    await assert.rejects(network.take(never), { code: "NETWORK_EXHAUSTED" });
    await network.release(id);
    lab.elapse();
    await network.take(never);
  }
});

test("S7: who goes by old knowledge reaches nobody, though another worker has the address by now", async () => {
  await using lab = await openLab(29);
  const network = await lab.open();
  await network.setup(never);
  const gone = await network.take(never);
  const address = await lab.addressOf(gone);
  await network.release(gone.id);
  const next = await Promise.all(Array.from({ length: 5 }, () => network.take(never)));
  for (const one of next) await lab.start(one, server("0.0.0.0", 8080, "a stranger"));
  assert.equal(await (await fetch(`http://${address}:8080/`)).text(), "a stranger", "the address has a new holder");
  const begun = performance.now();
  assert.match(await lab.connect(undefined, gone.endpoint.host, 8080), /^E(HOST|NET)UNREACH$/);
  // And that is known at once, not by a time-out.
  assertPrompt(performance.now() - begun, 5000);
  assert.ok(next.every((one) => one.endpoint.host !== gone.endpoint.host));
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

test("W5: setup repairs what somebody else removed, workers stay reachable, and costs little when nothing was", async (t) => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  const worker = await network.take(never);
  await lab.start(worker, server("0.0.0.0", 8080));
  const { host } = worker.endpoint;
  const whole = await lab.traces();
  const chain = (name: string) => `ESB-${lab.name}-${name}`;
  const damages: Record<string, () => Promise<unknown>> = {
    "a flushed chain": () => run("iptables", "-w", "-F", chain("FWD")),
    "a lost jump": () => run("iptables", "-w", "-D", "INPUT", "-m", "comment", "--comment", "esb", "-j", chain("IN")),
    "a chain of another table": () => run("iptables", "-w", "-t", "mangle", "-F", chain("TO")),
    "a lost masquerade": () => run("iptables", "-w", "-t", "nat", "-F", chain("NAT")),
    "a rule in between": () => run("iptables", "-w", "-I", chain("FWD"), "1", "-j", "ACCEPT"),
    "the subnet's guard": () => run("ip", "route", "del", "unreachable", lab.subnet),
    "the guard of identity addresses": () => run("ip", "route", "del", "unreachable", lab.identities),
    "a worker's route": () => run("ip", "route", "del", host),
    "the bridge's address": () => run("ip", "address", "flush", "dev", lab.bridge),
    "a bridge that is down": () => run("ip", "link", "set", lab.bridge, "down"),
    "the bridge": () => run("ip", "link", "del", lab.bridge),
  };
  for (const [what, damage] of Object.entries(damages)) {
    await damage();
    await network.setup(never);
    assert.deepEqual(await lab.traces(), whole, what);
    assert.equal(await lab.connect(undefined, host, 8080), "connected", what);
  }
  assert.match(await run("bridge", "-details", "link", "show", "master", lab.bridge), /isolated on/);
  assert.match(await run("ip", "neighbour", "show", await lab.addressOf(worker)), /PERMANENT/);

  const begun = performance.now();
  for (let times = 0; times < 10; times += 1) await network.setup(never);
  t.diagnostic(`a setup with nothing to do takes ${Math.round((performance.now() - begun) / 10)} ms`);
  assertPrompt(performance.now() - begun, 10_000);
});

test("W5: a worker's connections out of the machine are limited, others' are not", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  const [greedy, modest] = await Promise.all([network.take(never), network.take(never)]);
  const outside = { ...greedy, id: `o${lab.name}` };
  const [, machine] = await lab.link(outside.id);
  await lab.start(outside, server("0.0.0.0", 80));
  // A UDP socket sends to 6000 ports, each a connection that the kernel tracks.
  const flood = `const socket = require("node:dgram").createSocket("udp4");
    let port = 10000;
    const send = () => port < 16000 ? socket.send("x", port++, "${machine}", send) : console.log("sent");
    send();`;
  await lab.start(greedy, flood);
  const address = await lab.addressOf(greedy);
  const tracked = (await readFile("/proc/net/nf_conntrack", "utf8"))
    .split("\n")
    .filter((line) => line.includes(`src=${address} `) && line.includes("udp"));
  assert.ok(tracked.length > 3000 && tracked.length <= 4097, `${tracked.length} are tracked`);
  assert.equal(await lab.connect(greedy, machine, 80), "silence");
  assert.equal(await lab.connect(modest, machine, 80), "connected");
  assert.equal(await lab.connect(undefined, modest.endpoint.host, 8080), "ECONNREFUSED", "the host still reaches them");
  assert.equal(await lab.connect(undefined, greedy.endpoint.host, 8080), "ECONNREFUSED", "the host still reaches them");
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
