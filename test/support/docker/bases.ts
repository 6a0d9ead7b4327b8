import { cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildStep } from "../build-step.ts";
import { command } from "./command.ts";
import type { DockerEngine } from "./engine.ts";

const root = join(import.meta.dirname, "../../..");
const cache = join(root, ".cache/docker");
const authorities = "/etc/ssl/certs/ca-certificates.crt";

/**
 * Stand-ins for the base images of our Dockerfiles, which no registry can be asked for here: Debian by debootstrap, and
 * on it Node and npm of the npm registry, under the very names that the Dockerfiles use.
 */
export async function importBases(engine: DockerEngine): Promise<void> {
  const debian = await argument("node.Dockerfile", "DEBIAN");
  const node = await argument("esb.Dockerfile", "NODE");
  const [, version = "", suite = ""] = /^node:([\d.]+)-(\w+)-slim$/.exec(node) ?? [];
  await mkdir(cache, { recursive: true });
  await importOnce(engine, debian, `${suite}.tar`, (folder) => bootstrap(suite, folder));
  await importOnce(engine, node, `node-${version}-${suite}.tar`, async (folder) => {
    await command("tar", ["--extract", "--file", join(cache, `${suite}.tar`), "--directory", folder]);
    await addNode(version, folder);
  });
}

async function argument(dockerfile: string, name: string): Promise<string> {
  const text = await readFile(join(root, "deploy/docker", dockerfile), "utf8");
  const value = new RegExp(`^ARG ${name}=(\\S+)$`, "m").exec(text)?.[1];
  if (value === undefined) throw new Error(`${dockerfile} names no ${name}`);
  return value;
}

async function importOnce(
  engine: DockerEngine,
  image: string,
  file: string,
  make: (folder: string) => Promise<void>,
): Promise<void> {
  if (await engine.docker(["image", "inspect", image]).catch(() => undefined)) return;
  const archive = join(cache, file);
  const known = await readFile(`${archive}.done`).catch(() => undefined);
  if (known === undefined) {
    const folder = await mkdtemp(join(cache, "base-"));
    try {
      await make(folder);
      await command("tar", ["--create", "--file", `${archive}.part`, "--directory", folder, "."]);
      await rename(`${archive}.part`, archive);
      await writeFile(`${archive}.done`, "");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  await engine.docker(["import", archive, image]);
}

async function bootstrap(suite: string, folder: string): Promise<void> {
  const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
  await buildStep("debootstrap", ["--variant=minbase", `--keyring=${keyring}`, suite, folder]);
  for (const path of ["var/lib/apt/lists", "var/cache/apt/archives"]) {
    await rm(join(folder, path), { recursive: true });
    await mkdir(join(folder, path, "partial"), { recursive: true });
  }
}

/** As in the official image: below /usr/local. The registry is trusted as this machine trusts it. */
async function addNode(version: string, folder: string): Promise<void> {
  const work = await mkdtemp(join(cache, "npm-"));
  const runtime = `node-linux-${process.arch}`;
  try {
    const flags = ["--no-save", "--no-audit", "--no-fund", "--loglevel=error"];
    await buildStep("npm", ["install", "--prefix", work, ...flags, `${runtime}@${version}`, "npm@11"]);
    const local = join(folder, "usr/local");
    await cp(join(work, "node_modules", runtime, "bin/node"), join(local, "bin/node"));
    await cp(join(work, "node_modules/npm"), join(local, "lib/node_modules/npm"), { recursive: true });
    await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(local, "bin/npm"));
    await mkdir(join(folder, "etc/ssl/certs"), { recursive: true });
    await cp(authorities, join(folder, authorities));
    await mkdir(join(local, "etc"), { recursive: true });
    await writeFile(join(local, "etc/npmrc"), `cafile=${authorities}\n`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
