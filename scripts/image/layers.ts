import { execFile } from "node:child_process";
import { readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Layer, LayerEntry } from "./layer.ts";

/** The unprivileged user that AWS runs functions as, with AWS's numbers. */
const passwd = `root:x:0:0:root:/root:/bin/sh
sbx_user1051:x:993:990::/home/sbx_user1051:/bin/sh
`;
const group = `root:x:0:
sbx_user1051:x:990:
`;

/** What programs expect of any root file system. */
export function baseLayer(): Layer {
  return {
    entries: [
      { type: "file", path: "/etc/passwd", content: passwd },
      { type: "file", path: "/etc/group", content: group },
      { type: "file", path: "/etc/nsswitch.conf", content: "hosts: files dns\n" },
      { type: "directory", path: "/tmp", mode: 0o1777 },
      { type: "directory", path: "/var/task" },
      ...["/dev", "/proc", "/sys", "/root"].map((path): LayerEntry => ({ type: "directory", path })),
    ],
  };
}

/**
 * The Node that runs this script, at /usr/local/bin/node, with the shared libraries that `ldd` lists.
 * It is used to make images where no registry can be reached.
 */
export async function nodeRuntimeLayer(): Promise<Layer> {
  const node = await realpath(process.execPath);
  const { stdout } = await promisify(execFile)("ldd", [node]);
  const libraries = stdout
    .split("\n")
    .map((line) => /(\/\S+) \(0x/.exec(line)?.[1])
    .filter((path) => path !== undefined);
  return {
    entries: [
      ...baseLayer().entries,
      { type: "copy", path: "/usr/local/bin/node", source: node, mode: 0o755 },
      ...libraries.map((path): LayerEntry => ({ type: "copy", path, source: path, mode: 0o755 })),
    ],
  };
}

/** esb's runtime for functions in Node (deploy/runtimes/node) at /var/runtime, where AWS's images have theirs. */
export async function functionRuntimeLayer(): Promise<Layer> {
  const folder = join(import.meta.dirname, "../../deploy/runtimes/node");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".mjs")).sort();
  return { entries: names.map((name) => ({ type: "copy", path: `/var/runtime/${name}`, source: join(folder, name) })) };
}

/** busybox (Debian's busybox-static) as /bin/busybox, and links for the commands that are named. */
export function busyboxLayer(commands: readonly string[]): Layer {
  return {
    entries: [
      { type: "copy", path: "/bin/busybox", source: "/bin/busybox", mode: 0o755 },
      ...commands.map((name): LayerEntry => ({ type: "symlink", path: `/bin/${name}`, target: "busybox" })),
    ],
  };
}
