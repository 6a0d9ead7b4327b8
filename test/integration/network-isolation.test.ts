import assert from "node:assert/strict";
import { test } from "node:test";
import type { Attachment } from "../../agent/containerd/network.ts";
import { freePorts } from "../support/port.ts";
import { type NetworkLab, openLab, run, server } from "./network-lab.ts";

const never = new AbortController().signal;

async function twoWorkers(lab: NetworkLab): Promise<[Attachment, Attachment]> {
  const network = await lab.open();
  await network.setup(never);
  return Promise.all([network.take(never), network.take(never)]);
}

/** What a worker has found out of an address on its link: REACHABLE and the like with it, FAILED or INCOMPLETE without. */
async function neighbourState(worker: Attachment, address: string): Promise<string> {
  return run("ip", "-n", worker.id, "neighbour", "show", address);
}

const first = await freePorts(5);
/** Of the host, some of which are to be out of workers' reach. */
const ports = { everywhere: first, atGateway: first + 1, onLoopback: first + 2, open: first + 3, beside: first + 4 };

test("a worker cannot reach another worker, neither on the link nor through the host", async () => {
  await using lab = await openLab();
  const [one, other] = await twoWorkers(lab);
  await lab.start(other, server("0.0.0.0", 8080));
  const identity = other.endpoint.host;
  const host = await lab.addressOf(other);
  const source = await lab.addressOf(one);
  assert.equal(await lab.connect(undefined, host, 8080), "connected", "the host can");
  assert.equal(await lab.connect(undefined, identity, 8080), "connected", "the host can");
  assert.notEqual(await lab.connect(one, host, 8080), "connected");
  assert.match(await neighbourState(one, host), /INCOMPLETE|FAILED/);
  assert.equal(await lab.connect(one, identity, 8080), "silence", "S7: nor by its identity address");

  // Now each goes through the host to the other, there and back.
  await run("ip", "-n", one.id, "route", "add", `${host}/32`, "via", lab.gateway);
  await run("ip", "-n", other.id, "route", "add", `${source}/32`, "via", lab.gateway);
  const both = async () => [await lab.connect(one, host, 8080), await lab.connect(one, identity, 8080)];
  assert.deepEqual(await both(), ["silence", "silence"], "dropped on its way through the host");
  await run("iptables", "-w", "-t", "mangle", "-F", `ESB-${lab.name}-TO`);
  assert.deepEqual(await both(), ["silence", "silence"], "also by the rules of the second table");
  const rule = ["-i", lab.bridge, "-o", lab.bridge, "-m", "comment", "--comment", "esb", "-j", "DROP"];
  await run("iptables", "-w", "-D", `ESB-${lab.name}-FWD`, ...rule);
  assert.equal(await lab.connect(one, host, 8080), "connected", "it is these rules that drop it");
  assert.equal(await lab.connect(one, identity, 8080), "silence", "its answers are dropped besides");
});

test("S7: nothing from outside reaches an identity address, and no worker sends from one", async () => {
  await using lab = await openLab();
  const [worker] = await twoWorkers(lab);
  const outside = { ...worker, id: `o${lab.name}` };
  const [host, machine] = await lab.link(outside.id);
  const identity = worker.endpoint.host;
  await lab.start(worker, server("0.0.0.0", 8080));
  await lab.start(outside, server("0.0.0.0", 80));
  await run("ip", "-n", outside.id, "route", "add", lab.identities, "via", host);
  assert.equal(await lab.connect(undefined, identity, 8080), "connected", "the host can");
  assert.equal(await lab.connect(outside, identity, 8080), "silence");
  assert.equal(await lab.connect(worker, machine, 80), "connected", "by its own address it is let out");
  assert.equal(await lab.connect(worker, machine, 80, identity), "silence");
  assert.equal(await lab.connect(worker, lab.identities.replace("0.0/16", "255.254"), 8080), "EHOSTUNREACH");
});

test("S7: the host comes to identity addresses from the bridge's own, not masqueraded", async () => {
  await using lab = await openLab();
  const [worker] = await twoWorkers(lab);
  const peer = `require("node:http").createServer((question, answer) => answer.end(question.socket.remoteAddress))
    .listen(8080, "0.0.0.0", () => console.log("ready"));`;
  await lab.start(worker, peer);
  assert.equal(await (await fetch(`http://${worker.endpoint.host}:8080/`)).text(), lab.gateway);
  await run("iptables", "-w", "-t", "nat", "-S", `ESB-${lab.name}-NAT`).then((rules) => {
    assert.match(rules, new RegExp(`-s ${lab.subnet} ! -o ${lab.bridge}`));
  });
});

test("workers of two esb on one machine cannot reach each other", async () => {
  await using first = await openLab();
  await using second = await openLab();
  const [one] = await twoWorkers(first);
  const [other] = await twoWorkers(second);
  await first.start(one, server("0.0.0.0", 8080));
  await second.start(other, server("0.0.0.0", 8080));
  assert.equal(await first.connect(undefined, one.endpoint.host, 8080), "connected", "the host can");
  assert.equal(await second.connect(undefined, other.endpoint.host, 8080), "connected", "the host can");
  assert.equal(await first.connect(one, other.endpoint.host, 8080), "silence");
  assert.equal(await second.connect(other, one.endpoint.host, 8080), "silence");
});

test("it is the isolation of ports that keeps workers apart on the link", async () => {
  await using lab = await openLab();
  const [one, other] = await twoWorkers(lab);
  const ports = JSON.parse(await run("ip", "-json", "link", "show", "master", lab.bridge)) as { ifname: string }[];
  assert.equal(ports.length, 2);
  for (const { ifname } of ports) {
    await run("ip", "link", "set", "dev", ifname, "type", "bridge_slave", "isolated", "off");
  }
  const address = await lab.addressOf(other);
  await lab.connect(one, address, 8080);
  assert.match(await neighbourState(one, address), /REACHABLE|DELAY|STALE/);
});

test("a worker that claims another one's address is not believed", async () => {
  await using lab = await openLab();
  const [one, other] = await twoWorkers(lab);
  await lab.start(other, server("0.0.0.0", 8080, "the right one"));
  const host = await lab.addressOf(other);
  await run("ip", "netns", "exec", one.id, "sh", "-c", "echo 2 >/proc/sys/net/ipv4/conf/eth0/arp_announce");
  for (const claimed of [host, other.endpoint.host]) {
    await run("ip", "-n", one.id, "address", "add", `${claimed}/32`, "dev", "eth0");
    await lab.start(one, server(claimed, 8080, "the wrong one"));
    assert.equal(await (await fetch(`http://${claimed}:8080/`)).text(), "the right one");
  }
  assert.match(await run("ip", "neighbour", "show", host, "dev", lab.bridge), /PERMANENT/);
});

test("workers reach the outside under the host's address, and the outside does not reach them", async () => {
  await using lab = await openLab();
  const network = await lab.open();
  await network.setup(never);
  const worker = await network.take(never);
  // A second namespace on a link of its own stands for another machine beside the host.
  const outside = { ...worker, id: `out-${lab.name}` };
  const [host, machine] = await lab.link(outside.id);
  const answerPeer = `require("node:http").createServer((question, answer) => answer.end(question.socket.remoteAddress))
    .listen(80, "0.0.0.0", () => console.log("ready"));`;
  await lab.start(outside, answerPeer);
  await lab.start(worker, server("0.0.0.0", 8080));
  const ask = `fetch("http://${machine}/").then((answer) => answer.text()).then(console.log)`;
  const seen = await run("ip", "netns", "exec", worker.id, process.execPath, "-e", ask);
  assert.equal(seen.trim(), host);
  await run("ip", "-n", outside.id, "route", "add", lab.subnet, "via", host);
  assert.equal(await lab.connect(outside, await lab.addressOf(worker), 8080), "silence");
});

test("a worker cannot reach what listens on the host", async () => {
  await using lab = await openLab();
  const [worker] = await twoWorkers(lab);
  await lab.start(undefined, server("0.0.0.0", ports.everywhere));
  await lab.start(undefined, server(lab.gateway, ports.atGateway));
  await lab.start(undefined, server("127.0.0.1", ports.onLoopback));
  assert.equal(await lab.connect(undefined, lab.gateway, ports.everywhere), "connected", "the host itself can");
  assert.equal(await lab.connect(undefined, lab.gateway, ports.atGateway), "connected", "the host itself can");
  assert.equal(await lab.connect(undefined, "127.0.0.1", ports.onLoopback), "connected", "the host itself can");
  assert.equal(await lab.connect(worker, lab.gateway, ports.everywhere), "silence");
  assert.equal(await lab.connect(worker, lab.gateway, ports.atGateway), "silence");
  assert.equal(await lab.connect(worker, lab.gateway, ports.onLoopback), "silence");
  assert.equal(await lab.connect(worker, "127.0.0.1", ports.onLoopback), "ECONNREFUSED", "its loopback is its own");
});

test("W5 L7: of the host's own address one port is open, by a worker's own address alone", async () => {
  await using lab = await openLab();
  const network = await lab.open({ ESB_WORKER_API_PORTS: [ports.open] });
  await network.setup(never);
  const worker = await network.take(never);
  const { hostAddress } = network;
  const peer = (port: number) => `require("node:http")
    .createServer((question, answer) => answer.end(question.socket.remoteAddress))
    .listen(${port}, "${hostAddress}", () => console.log("ready"));`;
  for (const port of [ports.open, ports.beside]) await lab.start(undefined, peer(port));
  assert.equal(hostAddress, lab.gateway);
  assert.equal(await lab.connect(worker, hostAddress, ports.open), "connected");
  assert.equal(await lab.connect(worker, hostAddress, ports.beside), "silence", "a port beside it");
  assert.equal(await lab.connect(worker, hostAddress, ports.open, worker.endpoint.host), "silence", "S7: its identity");
  const [other] = await lab.link(`o${lab.name}`);
  assert.equal(await lab.connect(worker, other, ports.open), "silence", "another address of the host");
  const ask = `fetch("http://${hostAddress}:${ports.open}/").then((answer) => answer.text()).then(console.log)`;
  const seen = await run("ip", "netns", "exec", worker.id, process.execPath, "-e", ask);
  assert.equal(seen.trim(), worker.sourceAddress);
  assert.equal(worker.sourceAddress, await lab.addressOf(worker));

  const rule = `-m comment --comment esb -i ${lab.bridge} -s ${lab.subnet} -d ${hostAddress} -p tcp --dport ${ports.open}`;
  await run("iptables", "-w", "-D", `ESB-${lab.name}-IN`, ...rule.split(" "), "-j", "ACCEPT");
  assert.equal(await lab.connect(worker, hostAddress, ports.open), "silence", "it is this rule that lets it in");
  await network.setup(never);
  assert.equal(await lab.connect(worker, hostAddress, ports.open), "connected", "it is put back");
});

test("the host's loopback stays closed to a worker that routes to it", async () => {
  await using lab = await openLab();
  const [worker] = await twoWorkers(lab);
  await lab.start(undefined, server("127.0.0.1", ports.onLoopback));
  const steps = [
    "ip address flush dev lo",
    "echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet",
    `ip route add 127.0.0.1 via ${lab.gateway}`,
  ];
  await run("ip", "netns", "exec", worker.id, "sh", "-c", steps.join(" && "));
  assert.notEqual(await lab.connect(worker, "127.0.0.1", ports.onLoopback), "connected");
});

test("name service of the host itself is let through, and nothing else with it", async () => {
  await using lab = await openLab();
  const network = await lab.open({ ESB_DNS: [lab.gateway] });
  await network.setup(never);
  const worker = await network.take(never);
  await lab.start(undefined, server(lab.gateway, 53));
  await lab.start(undefined, server(lab.gateway, 54));
  assert.equal(await lab.connect(worker, lab.gateway, 53), "connected");
  assert.equal(await lab.connect(worker, lab.gateway, 54), "silence");
});
