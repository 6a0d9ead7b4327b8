import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { test } from "node:test";
import { newSince, rules, takeSnapshot } from "../support/leaks.ts";

const mark = `esb-leak-${process.pid}`;

test("a network namespace, a link, an address, a route, a rule, a folder and a mount are told when they stay", async () => {
  const link = `esbl${process.pid}`.slice(0, 15);
  const before = await takeSnapshot();
  const folder = mkdtempSync("/tmp/esb-leak-");
  const undo: (() => void)[] = [() => rmSync(folder, { recursive: true })];
  const make = (create: string, remove: string) => {
    execFileSync("sh", ["-c", create]);
    undo.unshift(() => execFileSync("sh", ["-c", remove]));
  };
  try {
    make(`ip netns add ${mark}`, `ip netns del ${mark}`);
    make(`ip link add ${link} type bridge`, `ip link del ${link}`);
    make(`ip addr add 127.77.0.1/32 dev ${link}`, `ip addr flush dev ${link}`);
    make("ip route add unreachable 127.78.0.0/30", "ip route del unreachable 127.78.0.0/30");
    make(`iptables -N ${mark}`, `iptables -X ${mark}`);
    make(`iptables -A ${mark} -j RETURN`, `iptables -F ${mark}`);
    make(`mount -t tmpfs none ${folder}`, `umount ${folder}`);
    const found = newSince(before, await takeSnapshot());
    for (const line of [
      `network namespace: ${mark}`,
      `link: ${link}`,
      `address: ${link} inet 127.77.0.1/32`,
      "route: unreachable 127.78.0.0/30 ",
      `iptables rule: :${mark} -`,
      `iptables rule: -A ${mark} -j RETURN`,
      `temporary folder: ${folder.slice("/tmp/".length)}`,
      `mount: ${folder}`,
    ]) {
      assert.ok(found.includes(line), `${line} is missing in:\n${found.join("\n")}`);
    }
  } finally {
    for (const step of undo) step();
  }
  const left = newSince(before, await takeSnapshot()).filter((line) => line.includes(mark) || line.includes(link));
  assert.deepEqual(left, []);
});

test("counters and built-in chains of iptables are no findings", () => {
  const text = [
    "# by iptables",
    "*nat",
    ":PREROUTING ACCEPT [3:180]",
    ":ESB-X - [0:0]",
    "-A ESB-X -j RETURN",
    "COMMIT",
  ];
  assert.deepEqual(rules(text), [":ESB-X -", "-A ESB-X -j RETURN"]);
});
