import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { guest, guestEntry } from "../functions.ts";
import type { Random } from "../plan.ts";
import { type Action, oneOf, type World } from "./action.ts";

/** In the reservations that we make in the place of somebody else. */
const holder = "chaos";

/** What happens to the network's addresses and to functions.yml. */
export const surroundingActions: readonly Action[] = [
  {
    name: "addresses run out",
    weight: 1,
    targets: ["network"],
    lastsMs: [1500, 5000],
    async act(world) {
      const taken = await takeAddresses(world);
      return () => giveBack(taken);
    },
  },
  {
    name: "functions.yml: new version",
    weight: 2,
    targets: ["functions"],
    lastsMs: [0, 1],
    act: ({ file }, random) =>
      changeOne(file, random, ({ environment, ...rest }) => ({
        ...rest,
        environment: { ...environment, VERSION: String(Number(environment.VERSION) + 1) },
      })),
  },
  {
    name: "functions.yml: memory",
    weight: 1,
    targets: ["functions"],
    lastsMs: [0, 1],
    act: ({ file }, random) =>
      // Not of what must run out of memory.
      changeOne(file, random, (entry) => ({ ...entry, memory: entry.memory === 128 ? 128 : 200 + random(200) })),
  },
  {
    name: "functions.yml: concurrency",
    weight: 1,
    targets: ["functions"],
    lastsMs: [0, 1],
    act: ({ file }, random) =>
      changeOne(file, random, (entry) => ({ ...entry, concurrency: { min: random(2), max: 1 + random(4) } })),
  },
  {
    name: "functions.yml: guest comes or goes",
    weight: 2,
    targets: ["functions"],
    lastsMs: [0, 1],
    async act({ file }) {
      const { [guest]: present, ...rest } = file.functions;
      await file.change(present === undefined ? { ...rest, [guest]: guestEntry } : rest);
      return undefined;
    },
  },
  {
    name: "functions.yml: broken",
    weight: 1,
    // A gateway refuses to start with a broken file.
    targets: ["functions", "gateway"],
    lastsMs: [500, 2500],
    async act({ file }) {
      await file.break();
      return () => file.mend();
    },
  },
];

async function changeOne(
  file: World["file"],
  random: Random,
  change: (entry: World["file"]["functions"][string]) => World["file"]["functions"][string],
): Promise<undefined> {
  const [name, entry] = oneOf(Object.entries(file.functions), random) ?? [];
  if (name !== undefined && entry !== undefined) await file.change({ ...file.functions, [name]: change(entry) });
}

/** Reserves every free address as host-local does: a file of the address's name, made only where there is none. */
async function takeAddresses({ esb }: World): Promise<string[]> {
  const folder = join(esb.settings.ESB_STATE_DIR ?? "", "network/ipam", esb.network);
  const [base = "", prefix = "24"] = (esb.settings.ESB_SUBNET ?? esb.subnet).split("/");
  const network = base.split(".").slice(0, 3).join(".");
  const hosts = 2 ** (32 - Number(prefix)) - 3;
  const paths = Array.from({ length: hosts }, (_, index) => join(folder, `${network}.${index + 2}`));
  const taken = paths.map((path) =>
    writeFile(path, `${holder}\r\neth0`, { flag: "wx" }).then(
      () => path,
      () => undefined,
    ),
  );
  return (await Promise.all(taken)).filter((path) => path !== undefined);
}

/** What the sweep has taken from us meanwhile may be another's by now. */
async function giveBack(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const content = await readFile(path, "utf8").catch(() => "");
    if (content.startsWith(holder)) await rm(path, { force: true });
  }
}
