import { execFile } from "node:child_process";
import { access, constants, readFile, statfs } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { cgroupSetup, knowsFileSystem, missingCapabilities } from "./kernel.ts";

const run = promisify(execFile);

/** What a check found; `advice`, where something is wrong, says what to do. */
export type Finding =
  | { readonly ok: true; readonly found: string }
  | { readonly ok: false; readonly found: string; readonly advice: string };

export interface MachineCheck {
  readonly name: string;
  readonly look: () => Promise<Finding>;
}

const ok = (found: string): Finding => ({ ok: true, found });
const wrong = (found: string, advice: string): Finding => ({ ok: false, found, advice });

export const isRoot: MachineCheck = {
  name: "user",
  look: async () =>
    process.getuid?.() === 0
      ? ok("root")
      : wrong(`uid ${process.getuid?.()}`, "containers and networks need root: run it with sudo"),
};

export const capabilities: MachineCheck = {
  name: "capabilities",
  look: async () => {
    const missing = missingCapabilities(await readFile("/proc/self/status", "utf8"));
    if (missing.length === 0) return ok("all that containers need");
    return wrong(`${missing.join(", ")} missing`, "in a container, start it with --privileged");
  },
};

export const overlay: MachineCheck = {
  name: "overlay file system",
  look: async () => {
    await run("modprobe", ["overlay"]).catch(() => {});
    if (knowsFileSystem(await readFile("/proc/filesystems", "utf8"), "overlay")) return ok("in the kernel");
    return wrong("not in the kernel", "load it (modprobe overlay), or choose another with ESB_SNAPSHOTTER=native");
  },
};

export const cgroups: MachineCheck = {
  name: "cgroups",
  look: async () => {
    const unified = await readFile("/sys/fs/cgroup/cgroup.controllers", "utf8").catch(() => undefined);
    const setup = cgroupSetup(await readFile("/proc/self/mounts", "utf8"), unified);
    if (setup.version === undefined) return wrong("none are mounted", "mount cgroup2 at /sys/fs/cgroup");
    const list = setup.controllers.join(" ") || "no controllers";
    // Version 2 freezes by itself (cgroup.freeze, Linux 5.2); version 1 has a controller for it.
    if (setup.version === 1 && !setup.controllers.includes("freezer")) {
      return wrong(`version 1 without freezer (${list})`, "mount the freezer hierarchy: workers are frozen with it");
    }
    const absent = ["memory", "cpu", "pids"].filter((name) => !setup.controllers.includes(name));
    const limits = absent.length === 0 ? "" : `; without ${absent.join(", ")} those limits do not hold`;
    return ok(`version ${setup.version}, ${list}${limits}`);
  },
};

/** Makes a bridge and a veth pair for a moment: nothing else tells for sure. */
export const links: MachineCheck = {
  name: "bridge and veth",
  look: async () => {
    // In a network namespace that goes with the command, so that nothing is left, however it ends.
    const make = "ip link add esb0 type bridge && ip link add esb1 type veth peer name esb2";
    try {
      await run("unshare", ["--net", "sh", "-c", make]);
      return ok("can be made");
    } catch (error) {
      return wrong(lastLine(error), "load the modules bridge and veth, or use the host's network: ESB_NETWORK=host");
    }
  },
};

export const firewall: MachineCheck = {
  name: "iptables",
  look: () =>
    Promise.all(
      ["filter", "nat", "mangle"].map((table) => run("iptables", ["--wait", "--table", table, "--list-rules"])),
    ).then(
      () => ok("works"),
      (error) => wrong(lastLine(error), "load the modules ip_tables, iptable_nat and iptable_mangle, or nf_tables"),
    ),
};

export function plugins(folders: readonly string[]): MachineCheck {
  const look = async (): Promise<Finding> => {
    for (const folder of folders) {
      const found = await access(join(folder, "bridge"), constants.X_OK).then(
        () => true,
        () => false,
      );
      if (found) return ok(folder);
    }
    return wrong(
      `no bridge plugin in ${folders.join(", ")}`,
      "install containernetworking-plugins or set ESB_CNI_BIN_DIR",
    );
  };
  return { name: "CNI plugins", look };
}

/** Whether a TCP port can be listened on; `ours` tells that our own process has it already. */
export function port(what: string, setting: string, host: string, number: number, ours: boolean): MachineCheck {
  const place = `${host}:${number}`;
  const look = async (): Promise<Finding> => {
    if (ours) return ok(`${place}, in use by the ${what} that runs`);
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      const server = createServer();
      server.once("error", resolve);
      server.listen(number, host, () => server.close(() => resolve(undefined)));
    });
    if (error === undefined) return ok(`${place} is free`);
    const advice =
      error.code === "EADDRINUSE"
        ? `stop what listens there (ss -ltnp), or choose another with ${setting}`
        : `not an address to listen at here: choose another with ${setting}`;
    return wrong(`${place}: ${error.code}`, advice);
  };
  return { name: `${what} port`, look };
}

/** Images and their unpacked layers need room. */
export function room(folder: string): MachineCheck {
  const leastBytes = 1024 ** 3;
  const look = async (): Promise<Finding> => {
    const { bavail, bsize } = await statfs(await nearestFolder(folder));
    const found = `${((bavail * bsize) / 1024 ** 3).toFixed(1)} GiB free for ${folder}`;
    return bavail * bsize >= leastBytes
      ? ok(found)
      : wrong(found, "make room for 1 GiB, or move it with ESB_STATE_DIR");
  };
  return { name: "disk", look };
}

async function nearestFolder(folder: string): Promise<string> {
  const there = await access(folder).then(
    () => true,
    () => false,
  );
  return there ? folder : nearestFolder(dirname(folder));
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { stderr?: string; message: string };
  return (stderr || message).trim().split("\n").at(-1) ?? "";
}
