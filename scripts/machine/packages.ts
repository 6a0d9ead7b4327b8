import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** A Debian package that esb or its tests need. */
export interface SystemPackage {
  readonly name: string;
  /** What it is for, in a few words that end a sentence. */
  readonly why: string;
  readonly neededBy: "running" | "testing";
  /** The package counts as there when one of these is: a command's name, or an absolute path. */
  readonly shownBy: readonly string[];
}

const running: readonly Omit<SystemPackage, "neededBy">[] = [
  { name: "containerd", why: "runs the workers", shownBy: ["containerd"] },
  { name: "runc", why: "starts a container for containerd", shownBy: ["runc"] },
  {
    name: "containernetworking-plugins",
    why: "attaches workers to the network",
    shownBy: ["/usr/lib/cni/bridge", "/opt/cni/bin/bridge"],
  },
  { name: "iptables", why: "keeps workers apart from each other and from the host", shownBy: ["iptables"] },
  { name: "iproute2", why: "makes network namespaces", shownBy: ["ip"] },
  { name: "perl-base", why: "keeps what workers print", shownBy: ["/usr/bin/perl"] },
];

const testing: readonly Omit<SystemPackage, "neededBy">[] = [
  { name: "docker-registry", why: "images are pulled from a real registry", shownBy: ["docker-registry"] },
  { name: "apache2-utils", why: "makes the registry's passwords", shownBy: ["htpasswd"] },
  { name: "openssl", why: "makes the registry's certificates", shownBy: ["openssl"] },
  { name: "skopeo", why: "puts images into the registry", shownBy: ["skopeo"] },
  { name: "gcc", why: "compiles the static test server", shownBy: ["gcc"] },
  { name: "systemd", why: "checks the units; it is not started", shownBy: ["systemd-analyze"] },
  { name: "libc6-dev", why: "compiles the static test server", shownBy: ["/usr/include/stdio.h"] },
  {
    name: "busybox-static",
    why: "gives test images a shell",
    shownBy: ["/usr/share/doc/busybox-static"],
  },
  {
    name: "chromium",
    why: "is the browser that reads /docs and calls functions",
    shownBy: ["/usr/lib/chromium/chromium"],
  },
  {
    name: "golang-github-containerd-containerd-dev",
    why: "has containerd's own API files, to compare ours with",
    shownBy: ["/usr/share/gocode/src/github.com/containerd/containerd"],
  },
];

export const packagesToRun: readonly SystemPackage[] = running.map((item) => ({ ...item, neededBy: "running" }));
export const packagesToTest: readonly SystemPackage[] = [
  ...packagesToRun,
  ...testing.map((item): SystemPackage => ({ ...item, neededBy: "testing" })),
];
/** What scripts/test-aws.ts needs. */
export const packagesToTestAws: readonly SystemPackage[] = [
  ...packagesToTest,
  {
    name: "python3-venv",
    why: "installs boto3 and the AWS CLI",
    neededBy: "testing",
    // Any Python that brings its own is as good.
    shownBy: ["/usr/share/doc/python3-venv", "pip", "pip3"],
  },
  // What aws-lambda-ric 3 compiles of its own: libcurl and AWS's client in C++.
  ...[
    { name: "autoconf", shownBy: ["autoreconf"] },
    { name: "automake", shownBy: ["automake"] },
    { name: "libtool", shownBy: ["libtoolize"] },
    { name: "cmake", shownBy: ["cmake"] },
  ].map((item): SystemPackage => ({ ...item, why: "compiles AWS's runtime client for Node 22", neededBy: "testing" })),
];
/** What scripts/test-deploy.ts needs. */
export const packagesToDeploy: readonly SystemPackage[] = [
  ...packagesToRun,
  { name: "docker.io", why: "is the Docker engine", neededBy: "testing", shownBy: ["dockerd"] },
  { name: "debootstrap", why: "makes the base images", neededBy: "testing", shownBy: ["debootstrap"] },
];

/** A PATH that has the folders of system commands, which a shell that was opened with `su` lacks. */
export function withSystemFolders(path = ""): string {
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  return [...new Set([...folders, "/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"])].join(delimiter);
}

/** Those that are not there. `exists` tells whether a path does. */
export function missingPackages(
  packages: readonly SystemPackage[],
  path = process.env.PATH ?? "",
  exists: (path: string) => boolean = existsSync,
): SystemPackage[] {
  const folders = withSystemFolders(path).split(delimiter);
  const shown = (sign: string) =>
    sign.startsWith("/") ? exists(sign) : folders.some((folder) => exists(join(folder, sign)));
  return packages.filter((item) => !item.shownBy.some(shown));
}

/**
 * Installs what is missing with apt, and says so before.
 * @throws Error, for whoever runs the script, when that is not possible: no root, no apt, or apt failed
 */
export function installPackages(missing: readonly SystemPackage[], say: (line: string) => void): void {
  if (missing.length === 0) return;
  const names = missing.map((item) => item.name);
  const list = missing.map((item) => `  ${item.name}: ${item.why}`).join("\n");
  const command = `apt-get install --no-install-recommends ${names.join(" ")}`;
  if (process.getuid?.() !== 0) throw new Error(`Missing Debian packages:\n${list}\nAs root: ${command}`);
  if (spawnSync("apt-get", ["--version"]).status !== 0) {
    throw new Error(`This machine has no apt; please install what these Debian packages hold:\n${list}`);
  }
  say(`installing Debian packages:\n${list}`);
  const apt = (...args: string[]) =>
    execFileSync("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=300", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 64 * 1024 * 1024,
    });
  try {
    apt("update");
    apt("install", "--yes", "--no-install-recommends", ...names);
  } catch (error) {
    const words = String((error as { stderr?: Buffer }).stderr ?? error).trim();
    throw new Error(`apt could not install ${names.join(", ")}:\n${words}\nInstall them, then run this again.`);
  }
}
