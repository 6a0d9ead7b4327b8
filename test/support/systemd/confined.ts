import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { seccompFilter } from "./seccomp.ts";
import { callNumbers } from "./system-calls.ts";
import { readService, wordsOf } from "./unit.ts";

export interface ConfinedOptions {
  /** Where the filter is kept meanwhile. */
  readonly folder: string;
  /** Numbers in place of User= and Group=; absent: root. */
  readonly user?: number;
  /** Folders that systemd makes writable where ProtectSystem=strict holds. */
  readonly writable?: readonly string[];
  /** A control group that the program is in. */
  readonly cgroup?: string;
}

/**
 * The words before a command that let it run as a unit's [Service] does, as far as that goes without systemd: its user,
 * capabilities, system calls, namespaces, address families, umask, and a read-only root.
 */
export async function confined(unit: string, options: ConfinedOptions): Promise<string[]> {
  const service = await readService(unit);
  const filter = join(options.folder, `${unit}.seccomp`);
  await writeFile(filter, await seccompFilter(service));
  const capabilities = wordsOf(service, "CapabilityBoundingSet").map((name) => `+${name.slice(4).toLowerCase()}`);
  const user =
    options.user === undefined ? [] : [`--reuid=${options.user}`, `--regid=${options.user}`, "--clear-groups"];
  const number = (await callNumbers()).get("seccomp");
  const words = [
    ...["setpriv", "--pdeathsig", "KILL", "--no-new-privs", "--inh-caps=-all"],
    ...[`--bounding-set=${["-all", ...capabilities].join(",")}`, ...user],
    ...["perl", join(import.meta.dirname, "confine.pl"), service.get("UMask")?.[0] ?? "0022", filter, String(number)],
  ];
  if (service.get("ProtectSystem")?.[0] === "strict") words.unshift(...readOnly(options.writable ?? []));
  if (options.cgroup !== undefined)
    words.unshift("sh", "-c", `echo $$ >${options.cgroup}/cgroup.procs; exec "$@"`, "sh");
  return words;
}

function readOnly(writable: readonly string[]): string[] {
  const script = [...writable.map((folder) => `mount --bind ${folder} ${folder}`), "mount -o remount,bind,ro /"];
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", `${script.join(" && ")} && exec "$@"`, "sh"];
}
