import { execFile } from "node:child_process";
import { networkInterfaces } from "node:os";
import { promisify } from "node:util";

/** A /24 that neither an interface nor a route of this machine knows of. */
export async function freeSubnet(prefix = 24): Promise<{ subnet: string; base: string }> {
  const { stdout: routes } = await promisify(execFile)("ip", ["-4", "route", "show", "table", "all"]);
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list?.map(({ address }) => address) ?? []);
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const base = `10.${200 + Math.floor(Math.random() * 40)}.${Math.floor(Math.random() * 255)}`;
    const second = base.split(".").slice(0, 2).join(".");
    if (!routes.includes(`${second}.`) && !addresses.some((address) => address.startsWith(`${second}.`))) {
      return { subnet: `${base}.0/${prefix}`, base };
    }
  }
  throw new Error("no free subnet found");
}

/** A /16 of class E for workers' identity addresses that no other test has a guard on. */
export function freeIdentitySubnet(): Promise<string> {
  return freeClassE(242, 5);
}

/** A /16 of class E at which workers with a Lambda runtime are invoked. */
export function freeInvocationSubnet(): Promise<string> {
  return freeClassE(247, 5);
}

async function freeClassE(first: number, count: number): Promise<string> {
  const { stdout: routes } = await promisify(execFile)("ip", ["-4", "route", "show", "table", "all"]);
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const subnet = `${first + Math.floor(Math.random() * count)}.${Math.floor(Math.random() * 256)}.0.0/16`;
    if (!routes.includes(subnet)) return subnet;
  }
  throw new Error("no free range of class E found");
}
