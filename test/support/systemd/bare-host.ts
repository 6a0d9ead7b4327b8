import { chmod, chown, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { command } from "../docker/command.ts";
import { type ConfinedOptions, confined } from "./confined.ts";
import { environmentOf, readService, unitPath } from "./unit.ts";

const routing = join(import.meta.dirname, "../../../deploy/routing.yml");

/** A machine on which esb is installed without Docker, as far as it goes below a folder. */
export interface BareHost {
  /** A path of that machine, as this one knows it. */
  at(path: string): string;
  /** @returns the user's number */
  user(name: string): number;
  /** The variables that a unit sets, with that machine's paths. */
  environment(unit: string): Promise<Record<string, string>>;
  /** The words before a command that let it run as a unit of an ordinary user does. */
  confinedAs(unit: string, options?: Partial<ConfinedOptions>): Promise<string[]>;
}

/** Makes what systemd-sysusers, systemd-tmpfiles, systemd itself and the machine's owner do. */
export async function makeBareHost(folder: string, functions: string): Promise<BareHost> {
  const at = (path: string) => join(folder, path);
  await mkdir(at("etc/esb"), { recursive: true });
  const feed = (program: string, file: string) =>
    command("sh", ["-c", `${program} --root=${folder} - <${unitPath(file)}`]);
  await feed("systemd-sysusers", "sysusers.conf");
  await feed("systemd-tmpfiles --create", "tmpfiles.conf");
  const passwd = await readFile(at("etc/passwd"), "utf8");
  const user = (name: string) => Number(new RegExp(`^${name}:x:(\\d+):`, "m").exec(passwd)?.[1]);
  await writeFile(at("etc/esb/functions.yml"), functions);
  await copyFile(routing, at("etc/esb/routing.yml"));
  return {
    at,
    user,
    async environment(unit) {
      const pairs = Object.entries(environmentOf(await readService(unit)));
      const inFolder = (value: string) => value.replace(/^(unix:\/\/)?(?=\/(run|var|etc)\/)/, `$1${folder}`);
      return Object.fromEntries(pairs.map(([name, value]) => [name, inFolder(value)]));
    },
    async confinedAs(unit, options = {}) {
      const service = await readService(unit);
      const name = service.get("User")?.[0];
      if (name === undefined) return confined(unit, { folder, ...options });
      const writable: string[] = [];
      for (const [key, parent] of [
        ["StateDirectory", "var/lib"],
        ["RuntimeDirectory", "run"],
      ] as const) {
        for (const path of (service.get(key) ?? []).map((word) => at(join(parent, word)))) {
          await mkdir(path, { recursive: true });
          await chown(path, user(name), user(name));
          await chmod(path, Number.parseInt(service.get(`${key}Mode`)?.[0] ?? "755", 8));
          writable.push(path);
        }
      }
      return confined(unit, { folder, user: user(name), writable, ...options });
    },
  };
}
