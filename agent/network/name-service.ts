import { mkdir } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { dirname } from "node:path";
import { readOptional, writeAtomically } from "../files.ts";

/** What workers see as /etc/resolv.conf and /etc/hosts. */
export interface NameServiceFiles {
  readonly resolvConfPath: string;
  readonly hostsPath: string;
}

export interface NameService {
  readonly nameServers: readonly string[];
  /** `search` and `options` lines of the host's file. */
  readonly otherLines: readonly string[];
}

/** Reads like /etc/resolv.conf; a systemd-resolved host has its real servers in the second. */
const resolvConfPaths = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] as const;

/**
 * The name servers of workers: the configured ones, else the host's that are no loopback address.
 * @param files texts of the host's resolv.conf files, in order; the first with a usable server wins
 * @param usable whether workers can reach an address
 */
export function chooseNameService(
  configured: readonly string[],
  files: readonly string[],
  usable: (address: string) => boolean,
): NameService {
  const otherLines = linesOf(files[0] ?? "").filter((line) => /^(search|options)\s/.test(line));
  if (configured.length > 0) return { nameServers: configured, otherLines };
  for (const file of files) {
    const nameServers = linesOf(file)
      .map((line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? "")
      .filter((address) => address !== "" && usable(address));
    if (nameServers.length > 0) return { nameServers, otherLines };
  }
  return { nameServers: [], otherLines };
}

/** Workers on a bridge have neither the host's loopback nor IPv6. */
export function reachableFromBridge(address: string): boolean {
  return isIPv4(address) && !address.startsWith("127.") && address !== "0.0.0.0";
}

/** Reads the host's files and chooses (see chooseNameService). */
export async function readNameService(
  configured: readonly string[],
  usable: (address: string) => boolean,
): Promise<NameService> {
  const files = await Promise.all(resolvConfPaths.map(async (path) => (await readOptional(path)) ?? ""));
  return chooseNameService(configured, files, usable);
}

/** Those of the addresses that the host itself has, and the bridge's. */
export function addressesOfHost(addresses: readonly string[], gateway: string): string[] {
  const own = new Set(Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((one) => one.address)));
  return addresses.filter((address) => address === gateway || own.has(address));
}

/**
 * Writes both files, readable by a worker's unprivileged user. A file that is right already is left alone, since
 * running workers have it mounted.
 * @param sandbox where servers of a worker listen that name Lambda's `sandbox.localdomain`, as extensions for telemetry do
 */
export async function writeNameServiceFiles(
  paths: NameServiceFiles,
  service: NameService,
  sandbox: "0.0.0.0" | "127.0.0.1",
): Promise<void> {
  const lines = [...service.nameServers.map((address) => `nameserver ${address}`), ...service.otherLines];
  await mkdir(dirname(paths.resolvConfPath), { recursive: true });
  await mkdir(dirname(paths.hostsPath), { recursive: true });
  await writeWhenChanged(paths.resolvConfPath, lines.map((line) => `${line}\n`).join(""));
  await writeWhenChanged(paths.hostsPath, `127.0.0.1 localhost\n${sandbox} sandbox.localdomain sandbox\n`);
}

async function writeWhenChanged(path: string, text: string): Promise<void> {
  if ((await readOptional(path)) !== text) await writeAtomically(path, text, 0o644);
}

function linesOf(text: string): string[] {
  return text.split("\n").map((line) => line.trim());
}
