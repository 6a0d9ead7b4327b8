import { readFile } from "node:fs/promises";
import { join } from "node:path";

const folder = join(import.meta.dirname, "../../../deploy/systemd");

/** The directives of a unit's [Service], each with its values in the order of the file (systemd.syntax(7)). */
export type ServiceSection = ReadonlyMap<string, readonly string[]>;

/** Path of a unit of deploy/systemd. */
export function unitPath(name: string): string {
  return join(folder, name);
}

export async function readService(name: string): Promise<ServiceSection> {
  const [, section = ""] = (await readFile(unitPath(name), "utf8")).split(/^\[Service\]$/m);
  const directives = new Map<string, string[]>();
  for (const line of (section.split(/^\[/m)[0] ?? "").split("\n")) {
    const [, key, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) continue;
    const values = directives.get(key) ?? [];
    directives.set(key, [...values, value]);
  }
  return directives;
}

/** The words of a directive that holds a list; none when it is not there. */
export function wordsOf(service: ServiceSection, key: string): string[] {
  return (service.get(key) ?? []).flatMap((value) => value.split(" ")).filter((word) => word !== "");
}

/** Variables that the unit itself sets. */
export function environmentOf(service: ServiceSection): Record<string, string> {
  const pairs = wordsOf(service, "Environment").map((word) => {
    const at = word.indexOf("=");
    return [word.slice(0, at), word.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}
