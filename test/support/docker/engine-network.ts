import { readFile } from "node:fs/promises";
import { freeSubnet } from "../subnet.ts";
import { command } from "./command.ts";

/** A network namespace for an engine. */
export interface EngineNetwork extends AsyncDisposable {
  /** The namespace's file. */
  readonly path: string;
  /** The engine's address as this machine reaches it. */
  readonly address: string;
  /** Of the way out. */
  readonly mtu: number;
}

/**
 * In a namespace of its own, whatever bridges, addresses and firewall rules an engine makes go with it.
 * @param name of the namespace, and with two letters more of a link; in the firewall rules' comments
 * @param hasWayOut without, nobody but this machine is reached
 */
export async function createEngineNetwork(name: string, hasWayOut: boolean): Promise<EngineNetwork> {
  const { base } = await freeSubnet();
  const [here, there, subnet] = [`${base}.1`, `${base}.2`, `${base}.0/30`];
  await using stack = new AsyncDisposableStack();
  const ip = (...args: string[]) => command("ip", args);
  const mtu = await uplinkMtu();
  await ip("netns", "add", name);
  stack.defer(async () => void (await ip("netns", "delete", name)));
  await ip("link", "add", `${name}-h`, "mtu", String(mtu), "type", "veth", "peer", "name", "uplink", "netns", name);
  await ip("address", "add", `${here}/30`, "dev", `${name}-h`);
  await ip("link", "set", `${name}-h`, "up");
  await ip("-n", name, "address", "add", `${there}/30`, "dev", "uplink");
  await ip("-n", name, "link", "set", "uplink", "mtu", String(mtu), "up");
  await ip("-n", name, "link", "set", "lo", "up");
  if (hasWayOut) await ip("-n", name, "route", "add", "default", "via", here);
  const mark = ["-m", "comment", "--comment", name];
  const rules = [
    ["nat", "POSTROUTING", "-s", subnet, "!", "-d", subnet, ...mark, "-j", "MASQUERADE"],
    ["filter", "FORWARD", "-s", subnet, ...mark, "-j", "ACCEPT"],
    ["filter", "FORWARD", "-d", subnet, ...mark, "-j", "ACCEPT"],
  ];
  for (const [table = "", chain = "", ...rule] of hasWayOut ? rules : []) {
    await command("iptables", ["--wait", "--table", table, "--insert", chain, ...rule]);
    stack.defer(async () => void (await command("iptables", ["--wait", "--table", table, "--delete", chain, ...rule])));
  }
  const owned = stack.move();
  return {
    path: `/run/netns/${name}`,
    address: there,
    mtu,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function uplinkMtu(): Promise<number> {
  const { dev } = JSON.parse(await command("ip", ["-json", "route", "get", "192.0.2.1"]))[0] as { dev: string };
  return Number(await readFile(`/sys/class/net/${dev}/mtu`, "utf8"));
}
