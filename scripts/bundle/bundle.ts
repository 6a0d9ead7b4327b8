import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { helloName } from "../image/hello.ts";
import { writeArchive, writeChecksums } from "./archive.ts";
import type { BundleOptions } from "./arguments.ts";
import { bundleComposeFile } from "./compose-file.ts";
import { type ComposeConfig, functionImages, includedFiles, mountedFiles, servicesOf } from "./contents.ts";
import type { Docker } from "./docker.ts";
import { saveImages } from "./image-archive.ts";
import { type ImageFacts, platformOf, presentImages } from "./images.ts";

const root = join(import.meta.dirname, "../..");
const deploy = join(root, "deploy");
/** What runs at each start and gives the agent the functions' images. */
const functionsFile = "compose.functions.yaml";
const composeFile = "compose.dind.yaml";
/** Included by it. */
const servicesFile = "compose.services.yaml";
/** It can be chosen when the bundle is installed. */
const unprivilegedFile = "compose.unprivileged.yaml";
/** Changes when install.sh of one version could not install what another packs. */
const format = 1;

interface Surroundings {
  readonly docker: Docker;
  readonly environment: NodeJS.ProcessEnv;
  readonly tell: (sentence: string) => void;
}

/**
 * Packs images, functions, compose files and what installs them. Archive and `.sha256` appear when they are complete.
 * @returns the archive's path
 * @throws Error, for whoever runs it, when an image cannot be had
 */
export async function makeBundle(options: BundleOptions, { docker, environment, tell }: Surroundings): Promise<string> {
  const composeFiles = [composeFile, ...options.compose, `offline/${functionsFile}`];
  const files = composeFiles.flatMap((name) => ["--file", join(deploy, name)]);
  const compose = (...args: string[]) =>
    docker.run(["compose", "--project-directory", deploy, ...files, ...profileFlags(options), ...args]);
  if (options.build) await compose("build");
  const config: ComposeConfig = JSON.parse(await compose("config", "--format", "json"));
  const services = servicesOf(config);
  const ofFunctions = functionImages(await readFile(options.functions, "utf8"), options.functions, environment);
  for (const warning of ofFunctions.warnings) tell(`warning: ${warning}`);
  // The example brings its image along.
  const functions = ofFunctions.images.filter((image) => image !== helloName);

  const ours = services.filter(({ isOurs }) => isOurs).map(({ image }) => image);
  const serviceFacts = await presentImages(docker, { images: services.map(({ image }) => image), ours, tell });
  const functionFacts = await presentImages(docker, { images: functions, ours: [], tell });
  const platform = platformOf([...serviceFacts, ...functionFacts]);
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const top = `esb-${version}-${platform.replace("/", "-")}`;
  const path = resolve(options.archive ?? `${top}.tar`);

  await mkdir(dirname(path), { recursive: true });
  const work = await mkdtemp(join(dirname(path), ".bundle-"));
  try {
    const folder = join(work, "bundle");
    await mkdir(join(folder, "config/images"), { recursive: true });
    const archives: string[] = [];
    for (const { reference } of functionFacts) {
      tell(`saving ${reference}`);
      const name = `images/${reference.replaceAll(/[^\w.-]/g, "_")}.tar.gz`;
      await saveImages(docker, [reference], join(folder, "config", name), work);
      archives.push(name);
    }
    tell(`saving ${serviceFacts.length} images of services`);
    await saveImages(
      docker,
      serviceFacts.map(({ reference }) => reference),
      join(folder, "services.tar.gz"),
      work,
    );
    await copyConfiguration(options, config, join(folder, "config"));
    await writeFile(join(folder, "config/bundle.yaml"), bundleComposeFile(services));
    await cp(join(deploy, "offline/install.sh"), join(folder, "install.sh"));
    const manifest = [
      `format ${format}`,
      `version ${version}`,
      `platform ${platform}`,
      ...[composeFile, ...options.compose, functionsFile].map((name) => `compose ${name}`),
      ...services.map(({ name }) => `service ${name}`),
      ...imageLines("service-image", serviceFacts),
      ...imageLines("function-image", functionFacts),
      `services-mib ${Math.ceil(serviceFacts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / 2 ** 20)}`,
    ];
    await writeManifest(folder, manifest);
    await writeArchive(folder, top, path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  tell(`made ${path} for ${platform}, and ${path}.sha256`);
  return path;
}

function profileFlags({ profiles }: BundleOptions): string[] {
  return profiles.flatMap((name) => ["--profile", name]);
}

function imageLines(key: string, facts: readonly ImageFacts[]): string[] {
  return facts.map(({ id, reference }) => `${key} ${id} ${reference}`);
}

/** Its last line tells how many files there are, itself included, so that a shortened SHA256SUMS is noticed. */
async function writeManifest(folder: string, lines: readonly string[]): Promise<void> {
  const path = join(folder, "MANIFEST");
  await writeFile(path, "");
  const files = await writeChecksums(folder);
  await writeFile(path, [...lines, `files ${files}`, ""].join("\n"));
  await writeChecksums(folder);
}

async function copyConfiguration(options: BundleOptions, config: ComposeConfig, folder: string): Promise<void> {
  const names = [composeFile, servicesFile, unprivilegedFile, ...options.compose, ...mountedFiles(config, deploy)];
  for (const name of new Set(names)) await cp(join(deploy, name), join(folder, name), { recursive: true });
  await cp(join(deploy, "offline", functionsFile), join(folder, functionsFile));
  await cp(options.functions, join(folder, "functions.yml"));
  await cp(options.routing, join(folder, "routing.yml"));
  await cp(options.env, join(folder, "esb.env"));
  await cp(join(root, "docs"), join(folder, "docs"), { recursive: true });
  await cp(join(root, "LICENSE"), join(folder, "LICENSE"));
}
