import { command } from "../docker/command.ts";
import type { ServiceSection } from "./unit.ts";

/** The system calls that a unit's SystemCallFilter= allows, by systemd's own table. */
export async function allowedCalls(service: ServiceSection): Promise<ReadonlySet<string>> {
  const sets = parseSets(await command("systemd-analyze", ["syscall-filter"]));
  // An allow list always has these (systemd.exec(5)).
  const allowed = expand("@default", sets);
  for (const line of service.get("SystemCallFilter") ?? []) {
    const isTakenAway = line.startsWith("~");
    for (const name of line.replace("~", "").split(" ")) {
      for (const call of expand(name, sets)) {
        if (isTakenAway) allowed.delete(call);
        else allowed.add(call);
      }
    }
  }
  return allowed;
}

/** Numbers of this machine's system calls, as the C compiler knows them. */
export async function callNumbers(): Promise<ReadonlyMap<string, number>> {
  const text = await command("sh", ["-c", "echo '#include <sys/syscall.h>' | gcc -E -dM -"]);
  return new Map(
    [...text.matchAll(/^#define __NR_(\w+) (\d+)$/gm)].map(([, name = "", number]) => [name, Number(number)]),
  );
}

/** Of `systemd-analyze syscall-filter`: a set's name, and indented below it its description and its members. */
function parseSets(text: string): ReadonlyMap<string, readonly string[]> {
  const sets = new Map<string, string[]>();
  let members: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("@")) {
      members = [];
      sets.set(line.trim(), members);
    } else if (/^ +[@\w]/.test(line)) members.push(line.trim());
  }
  return sets;
}

function expand(name: string, sets: ReadonlyMap<string, readonly string[]>): Set<string> {
  if (!name.startsWith("@")) return new Set([name]);
  const members = sets.get(name);
  if (members === undefined) throw new Error(`systemd knows no ${name}`);
  return new Set(members.flatMap((member) => [...expand(member, sets)]));
}
