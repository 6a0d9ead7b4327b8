import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { writeChecksums } from "./archive.ts";

/** Answers as Docker's client; $FAKE is a folder in which it notes what it is asked, and whose files say what it does. */
const docker = `#!/bin/sh
echo "$*" >>"$FAKE/calls"
answer() { if test -e "$FAKE/$1"; then cat "$FAKE/$1"; else echo "$2"; fi; }
case "$*" in
    version*) test ! -e "$FAKE/down" || { echo "Cannot connect to the Docker daemon" >&2; exit 1; }
        answer server "24.0.5 linux/amd64" ;;
    "compose version"*) answer compose 2.26.1-4 ;;
    "image inspect"*) cat "$FAKE/loaded" ;;
    info*) echo "$FAKE/elsewhere" ;;
    load*) test ! -e "$FAKE/full" || { echo "no space left on device" >&2; exit 1; }
        echo sha256:1 >"$FAKE/loaded" ;;
    "compose ps"*) echo "id-of-$5" ;;
    "wait id-of-functions") answer functions 0 ;;
    wait*) echo 0 ;;
    inspect*) echo healthy ;;
esac
`;
const df = `#!/bin/sh
echo "Filesystem 1024-blocks Used Available Capacity Mounted on"
echo "/dev/fake 1 1 $(cat "$FAKE/free" 2>/dev/null || echo 9000000) 1% /"
`;

/** A machine on which install.sh runs, with the real shell and tools, and a Docker client that is none. */
export interface FakeMachine extends AsyncDisposable {
  readonly folder: string;
  /** Where esb goes. */
  readonly target: string;
  /** Sets what a file of the client holds: `server`, `compose`, `down`, `full`, `functions`, `free` (KiB). */
  set(name: string, content: string): Promise<void>;
  unset(name: string): Promise<void>;
  /** What the client was asked since the last time. */
  calls(): Promise<string[]>;
  /** @returns what it said, and whether it succeeded */
  install(bundle: string, ...options: string[]): Promise<{ succeeded: boolean; words: string }>;
  /** Text of a file of the target; undefined when there is none. */
  read(name: string): Promise<string | undefined>;
  write(name: string, text: string): Promise<void>;
  /** All files of the target. */
  files(): Promise<string[]>;
}

export async function fakeMachine(): Promise<FakeMachine> {
  const folder = await mkdtemp(join(tmpdir(), "esb-test-"));
  const [bin, fake, target] = [join(folder, "bin"), join(folder, "fake"), join(folder, "my esb")];
  for (const path of [bin, fake]) await mkdir(path);
  for (const [name, text] of Object.entries({ docker, df })) {
    await writeFile(join(bin, name), text);
    await chmod(join(bin, name), 0o755);
  }
  const environment = { PATH: `${bin}:${process.env.PATH}`, FAKE: fake };
  const calls = join(fake, "calls");
  return {
    folder,
    target,
    set: (name, content) => writeFile(join(fake, name), `${content}\n`),
    unset: (name) => rm(join(fake, name)),
    async calls() {
      const text = await readFile(calls, "utf8").catch(() => "");
      await rm(calls, { force: true });
      return text.split("\n").filter(Boolean);
    },
    async install(bundle, ...options) {
      const args = [join(bundle, "install.sh"), ...options, target];
      try {
        const { stdout } = await promisify(execFile)("sh", args, { env: environment });
        return { succeeded: true, words: stdout };
      } catch (error) {
        const { stdout, stderr } = error as { stdout: string; stderr: string };
        return { succeeded: false, words: stdout + stderr };
      }
    },
    read: (name) => readFile(join(target, name), "utf8").catch(() => undefined),
    write: (name, text) => writeFile(join(target, name), text),
    files: async () => (await readdir(target, { recursive: true }).catch(() => [])).sort(),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A bundle's files, unpacked, with `config` in place of the real ones. @returns its folder */
export async function fakeBundle(
  parent: string,
  name: string,
  config: Readonly<Record<string, string>>,
): Promise<string> {
  const folder = join(parent, name);
  const files: Record<string, string> = {
    "install.sh": await readFile(join(import.meta.dirname, "../../deploy/offline/install.sh"), "utf8"),
    "services.tar.gz": "images",
    MANIFEST: "",
  };
  for (const [path, text] of Object.entries(config)) files[`config/${path}`] = text;
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  const manifest = [
    "format 1",
    `version ${name}`,
    "platform linux/amd64",
    "compose compose.dind.yaml",
    "compose compose.functions.yaml",
    "service-image sha256:1 esb/agent:latest",
    "services-mib 100",
    `files ${Object.keys(files).length}`,
  ];
  await writeFile(join(folder, "MANIFEST"), `${manifest.join("\n")}\n`);
  await writeChecksums(folder);
  return folder;
}
