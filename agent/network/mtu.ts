import { readOptional } from "../files.ts";

const ethernetMtu = 1500;

/** The interface of the default route, from the text of /proc/net/route. */
export function uplinkOf(routes: string): string | undefined {
  return routes
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .find(([, destination, , , , , , mask]) => destination === "00000000" && mask === "00000000")?.[0];
}

/** MTU of the host's way out, so that workers' packets fit without being told; Ethernet's without one. */
export async function uplinkMtu(): Promise<number> {
  const uplink = uplinkOf((await readOptional("/proc/net/route")) ?? "");
  const text = uplink === undefined ? undefined : await readOptional(`/sys/class/net/${uplink}/mtu`);
  const mtu = Number(text ?? ethernetMtu);
  return mtu >= 576 && mtu <= 65_535 ? mtu : ethernetMtu;
}
