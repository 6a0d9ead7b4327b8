import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { helloName } from "../image/hello.ts";
import { writeArchive, writeChecksums } from "./archive.ts";
import type { BundleOptions } from "./arguments.ts";
import { bundleComposeFile } from "./compose-file.ts";
import {
  type ComposeConfig,
  imagesOfFunctions,
  includedFiles,
  mountedFiles,
  type Service,
  servicesOf,
} from "./contents.ts";
import type { Docker } from "./docker.ts";
import { saveImages } from "./image-archive.ts";
import { type ImageFacts, platformOf, presentImages } from "./images.ts";

const root = join(import.meta.dirname, "../..");
const deploy = join(root, "deploy");
/** What runs at each start and gives the agent the functions' images. */
const functionsFile = "compose.functions.yaml";
const composeFile = "compose.dind.yaml";
/** It can be chosen when the bundle is installed. */
const unprivilegedFile = "compose.unprivileged.yaml";
/** Changes when install.sh of one version could not install what another packs. */
const format = 1;

interface Surroundings {
  readonly docker: Docker;
  readonly environment: NodeJS.ProcessEnv;
  readonly tell: (sentence: string) => void;
}

/** All that is known before anything is written. */
interface Contents {
  readonly config: ComposeConfig;
  readonly services: readonly Service[];
  readonly serviceImages: readonly ImageFacts[];
  readonly functionImages: readonly ImageFacts[];
  readonly platform: string;
  readonly version: string;
}

/**
 * Packs images, functions, compose files and what installs them. Archive and `.sha256` appear when they are complete.
 * @returns the archive's path
 * @throws Error, for whoever runs it, when an image cannot be had
 */
export async function makeBundle(options: BundleOptions, surroundings: Surroundings): Promise<string> {
  const contents = await gather(options, surroundings);
  const top = `esb-${contents.version}-${contents.platform.replace("/", "-")}`;
  const path = resolve(options.archive ?? `${top}.tar`);
  await mkdir(dirname(path), { recursive: true });
  const work = await mkdtemp(join(dirname(path), ".bundle-"));
  try {
    const folder = join(work, "bundle");
    await fill(folder, { options, contents, surroundings, work });
    const part = join(work, "archive.tar");
    const sum = await writeArchive(folder, top, part);
    await writeFile(`${path}.sha256`, `${sum}  ${basename(path)}\n`);
    await rename(part, path);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  surroundings.tell(`made ${path} for ${contents.platform}, and ${path}.sha256`);
  return path;
}

async function gather(options: BundleOptions, { docker, environment, tell }: Surroundings): Promise<Contents> {
  const composeFiles = [composeFile, ...options.compose, `offline/${functionsFile}`];
  const files = composeFiles.flatMap((name) => ["--file", join(deploy, name)]);
  const profiles = options.profiles.flatMap((name) => ["--profile", name]);
  const compose = (...args: string[]) =>
    docker.run(["compose", "--project-directory", deploy, ...files, ...profiles, ...args]);
  const named = imagesOfFunctions(await readFile(options.functions, "utf8"), options.functions, environment);
  for (const warning of named.warnings) tell(`warning: ${warning}`);
  if (options.build) await compose("build");
  const config: ComposeConfig = JSON.parse(await compose("config", "--format", "json"));
  const services = servicesOf(config);
  const images = services.map(({ image }) => image);
  const ours = services.filter(({ isOurs }) => isOurs).map(({ image }) => image);
  const serviceImages = await presentImages(docker, { images, ours, tell });
  // The example brings its image along.
  const others = named.images.filter((image) => image !== helloName);
  const functionImages = await presentImages(docker, { images: others, ours: [], tell });
  const platform = platformOf([...serviceImages, ...functionImages]);
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  return { config, services, serviceImages, functionImages, platform, version };
}

interface Filling {
  readonly options: BundleOptions;
  readonly contents: Contents;
  readonly surroundings: Surroundings;
  /** A folder of which a part may be used meanwhile. */
  readonly work: string;
}

async function fill(folder: string, { options, contents, surroundings, work }: Filling): Promise<void> {
  const { docker, tell } = surroundings;
  const { services, serviceImages, functionImages } = contents;
  await mkdir(join(folder, "config/images"), { recursive: true });
  for (const { reference } of functionImages) {
    tell(`saving ${reference}`);
    const name = `${reference.replaceAll(/[^\w.-]/g, "_")}.tar.gz`;
    await saveImages(docker, [reference], join(folder, "config/images", name), work);
  }
  tell(`saving ${serviceImages.length} images of services`);
  const references = serviceImages.map(({ reference }) => reference);
  const unpackedBytes = await saveImages(docker, references, join(folder, "services.tar.gz"), work);
  await copyConfiguration(options, contents.config, join(folder, "config"));
  await writeFile(join(folder, "config/bundle.yaml"), bundleComposeFile(services));
  await cp(join(deploy, "offline/install.sh"), join(folder, "install.sh"));
  await writeManifest(folder, [
    `format ${format}`,
    `version ${contents.version}`,
    `platform ${contents.platform}`,
    ...[composeFile, ...options.compose, functionsFile].map((name) => `compose ${name}`),
    ...services.map(({ name }) => `service ${name}`),
    ...imageLines("service-image", serviceImages),
    ...imageLines("function-image", functionImages),
    `services-mib ${Math.ceil(unpackedBytes / 2 ** 20)}`,
  ]);
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
  const composeFiles = [composeFile, unprivilegedFile, ...options.compose];
  const texts = await Promise.all(composeFiles.map((name) => readFile(join(deploy, name), "utf8")));
  const names = [...composeFiles, ...texts.flatMap(includedFiles), ...mountedFiles(config, deploy)];
  for (const name of new Set(names)) await cp(join(deploy, name), join(folder, name), { recursive: true });
  await cp(join(deploy, "offline", functionsFile), join(folder, functionsFile));
  await cp(options.functions, join(folder, "functions.yml"));
  await cp(options.routing, join(folder, "routing.yml"));
  await cp(options.env, join(folder, "esb.env"));
  await cp(join(root, "docs"), join(folder, "docs"), { recursive: true });
  await cp(join(root, "LICENSE"), join(folder, "LICENSE"));
}
