import { execFile } from "node:child_process";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * A containerd of another Debian release, unpacked below `cache`; the machine's own apt and packages stay as they are.
 * @param suite Debian's name of the release, such as trixie
 * @returns folder with containerd, ctr and the shim
 * @throws Error when it cannot be fetched
 */
export async function fetchContainerd(suite: string, cache: string): Promise<string> {
  const folder = join(cache, suite);
  const binaries = join(folder, "usr/bin");
  if ((await readdir(binaries).catch(() => [] as string[])).includes("containerd")) return binaries;
  await fetchPackages(suite, ["containerd"], folder);
  return binaries;
}

/** Unpacks packages of another Debian release into a folder of theirs. @throws Error when one cannot be fetched */
export async function fetchPackages(suite: string, names: readonly string[], folder: string): Promise<void> {
  const work = `${folder}.part`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const apt = await privateApt(suite, work);
  await apt("update");
  await apt("download", ...names);
  const debs = (await readdir(work)).filter((name) => name.endsWith(".deb"));
  if (debs.length < names.length) throw new Error(`apt did not fetch all of ${names.join(", ")} of ${suite}`);
  for (const deb of debs) await run("dpkg-deb", ["--extract", join(work, deb), join(work, "root")]);
  await rm(folder, { recursive: true, force: true });
  await rename(join(work, "root"), folder);
  await rm(work, { recursive: true });
}

/** apt with sources, lists and a cache of its own. */
async function privateApt(suite: string, work: string): Promise<(...args: string[]) => Promise<unknown>> {
  for (const part of ["state/lists/partial", "cache/archives/partial"]) {
    await mkdir(join(work, part), { recursive: true });
  }
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  await writeFile(join(work, "sources.list"), `deb [signed-by=${keyring}] ${await mirror()} ${suite} main\n`);
  const options = {
    "Dir::State": join(work, "state"),
    "Dir::State::status": "/dev/null",
    "Dir::Cache": join(work, "cache"),
    "Dir::Etc::sourcelist": join(work, "sources.list"),
    "Dir::Etc::sourceparts": "-",
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
  };
  const flags = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  return (...args) => run("apt-get", ["-q", ...flags, ...args], { cwd: work, maxBuffer: 64 * 1024 * 1024 });
}

/** The mirror that this machine takes its own Debian packages from. */
async function mirror(): Promise<string> {
  const format = "$(ORIGIN) $(COMPONENT) $(REPO_URI)";
  const { stdout } = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const uri = stdout
    .split("\n")
    .map((line) => /^Debian main (\S+)$/.exec(line)?.[1])
    .find((found) => found !== undefined && !found.includes("security"));
  if (uri === undefined) throw new Error("apt knows no Debian mirror; run apt-get update first");
  return uri;
}
