import assert from "node:assert/strict";
import { test } from "node:test";
import { installRules, ownLines, removeRules } from "./firewall-rules.ts";

const plan = {
  network: "lab",
  bridge: "lab0",
  subnet: "10.9.0.0/24",
  hostNameServers: ["192.0.2.2"],
  host: "10.9.0.1",
  openPorts: [8372],
  invocations: "254.0.0.0/8",
  connectionsPerWorker: 4096,
};
const empty = "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n";
const installed = [
  "*mangle",
  ":ESB-lab-TO - [0:0]",
  "-A FORWARD -m comment --comment esb -j ESB-lab-TO",
  "COMMIT",
  "*filter",
  ":ESB-lab-FWD - [0:0]",
  ":ESB-lab-IN - [0:0]",
  "-A FORWARD -m comment --comment esb -j ESB-lab-FWD",
  "-A INPUT -m comment --comment esb -j ESB-lab-IN",
  "-A INPUT -j ESB-lab-INX",
  "COMMIT",
  "*nat",
  ":ESB-lab-NAT - [0:0]",
  "-A POSTROUTING -m comment --comment esb -j ESB-lab-NAT",
  "COMMIT",
].join("\n");

test("every rule carries our name and nothing is deleted on a clean machine", () => {
  const rules = installRules(plan, empty).split("\n");
  assert.ok(rules.every((line) => !line.startsWith("-A") || line.includes("--comment esb")));
  assert.ok(!rules.some((line) => line.startsWith("-D")));
});

test("workers are cut off from each other and from the host before anything is allowed", () => {
  const rules = installRules(plan, empty);
  const forward = rules.split("\n").filter((line) => line.startsWith("-A ESB-lab-FWD"));
  assert.match(forward[0] ?? "", /-i lab0 -o lab0 -j DROP$/);
  const towards = rules.split("\n").filter((line) => line.startsWith("-A ESB-lab-TO"));
  assert.match(towards.at(-1) ?? "", /-o lab0 -j DROP$/);
  assert.ok(rules.indexOf("*mangle") < rules.indexOf("*filter"));
  const input = rules.split("\n").filter((line) => line.startsWith("-A ESB-lab-IN"));
  assert.match(input.at(-1) ?? "", /-i lab0 -j DROP$/);
  assert.equal(input.filter((line) => line.includes("-d 192.0.2.2") && line.includes("--dport 53")).length, 2);
});

test("a worker's connections are limited before any is let out, where the kernel can", () => {
  const forward = installRules(plan, empty)
    .split("\n")
    .filter((line) => line.startsWith("-A ESB-lab-FWD"));
  const limited = forward.findIndex((line) => line.includes("--connlimit-above 4096"));
  assert.ok(limited >= 0 && limited < forward.findIndex((line) => line.endsWith("-i lab0 -j ACCEPT")));
  assert.ok(!installRules({ ...plan, connectionsPerWorker: undefined }, empty).includes("connlimit"));
});

test("L7 W5: of the host, Lambda's API of a gateway is open to workers, by their own addresses, and nothing else", () => {
  const rules = (openPorts: number[]) =>
    installRules({ ...plan, openPorts, hostNameServers: [] }, empty)
      .split("\n")
      .filter((line) => line.startsWith("-A ESB-lab-IN"));
  const added = rules([8372, 9000]).filter((line) => !rules([]).includes(line));
  const accepted = added.filter((line) => line.endsWith("-j ACCEPT"));
  assert.deepEqual(
    accepted.map((line) => line.replace("-A ESB-lab-IN -m comment --comment esb ", "")),
    [8372, 9000].map((port) => `-i lab0 -s 10.9.0.0/24 -d 10.9.0.1 -p tcp --dport ${port} -j ACCEPT`),
  );
  const dropped = added.filter((line) => line.endsWith("-j DROP"));
  assert.equal(dropped.filter((line) => line.includes("--connlimit-above 4096")).length, 2);
  assert.equal(added.length, 4);
  assert.ok(added.indexOf(dropped[0] ?? "") < added.indexOf(accepted[0] ?? ""), "limited before they are let in");
  assert.match(rules([8372]).at(-1) ?? "", /-i lab0 -j DROP$/);
});

test("what iptables-save says of us is told apart from all else, without counters", () => {
  const counted = installed.replace(":ESB-lab-IN - [0:0]", ":ESB-lab-IN - [17:4]");
  const own = ownLines("lab", `${counted}\n-A FORWARD -j ESB-la-FWD\n:ESB-labor-IN - [0:0]`);
  assert.equal(own, ownLines("lab", installed));
  assert.equal(own.split("\n").length, 8);
  assert.doesNotMatch(own, /INX|ESB-la-|labor|\[/);
});

test("a second installation replaces the jumps of the first", () => {
  const rules = installRules(plan, installed).split("\n");
  for (const [parent, name] of [
    ["FORWARD", "TO"],
    ["FORWARD", "FWD"],
    ["INPUT", "IN"],
    ["POSTROUTING", "NAT"],
  ]) {
    const jump = `-m comment --comment esb -j ESB-lab-${name}`;
    assert.equal(rules.filter((line) => line === `-D ${parent} ${jump}`).length, 1, name);
    assert.equal(rules.filter((line) => line === `-I ${parent} 1 ${jump}`).length, 1, name);
  }
});

test("removal takes jumps, rules and chains, and only ours", () => {
  const rules = removeRules("lab", installed);
  assert.match(rules, /-D FORWARD .*ESB-lab-FWD\n-F ESB-lab-FWD\n-X ESB-lab-FWD/);
  assert.ok(!rules.includes("INX"));
  assert.equal(removeRules("lab", empty), "");
  assert.equal(removeRules("la", installed), "");
});
