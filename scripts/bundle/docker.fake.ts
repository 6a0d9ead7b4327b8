import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Docker } from "./docker.ts";

/** An image of the fake engine: its layers by their content. */
interface FakeImage {
  readonly layers: readonly string[];
  readonly platform?: string;
  /** Only a registry has it until it is pulled. */
  readonly isRemote?: boolean;
}

/** An engine that holds these images and knows one answer to `docker compose config`. */
export class FakeDocker implements Docker {
  readonly calls: string[] = [];
  readonly #images: Map<string, FakeImage>;
  readonly #composeConfig: unknown;
  readonly #pulled = new Set<string>();
  #saves = 0;

  constructor(images: Readonly<Record<string, FakeImage>>, composeConfig: unknown = {}) {
    this.#images = new Map(Object.entries(images));
    this.#composeConfig = composeConfig;
  }

  async run(args: readonly string[]): Promise<string> {
    this.calls.push(args.join(" "));
    const reference = args.at(-1) ?? "";
    const image = this.#images.get(reference);
    if (args[0] === "compose") return args.includes("config") ? JSON.stringify(this.#composeConfig) : "";
    if (image === undefined) throw new Error(`No such image: ${reference}`);
    if (args[0] === "pull") {
      this.#pulled.add(reference);
      return "";
    }
    if (image.isRemote === true && !this.#pulled.has(reference)) throw new Error(`No such image: ${reference}`);
    return `sha256:${sha256(configOf(image))} ${image.platform ?? "linux/amd64"}\n`;
  }

  /** As Docker 20.10 does: in an order of its own, and a layer that is there already as a link to it. */
  async save(images: readonly string[], path: string): Promise<void> {
    const order = this.#saves++ % 2 === 0 ? images : images.toReversed();
    const folder = await mkdtemp(join(tmpdir(), "esb-test-"));
    const places = new Map<string, string>();
    const manifest = [];
    for (const [number, reference] of order.entries()) {
      const image = this.#images.get(reference) ?? { layers: [] };
      const config = configOf(image);
      await writeFile(join(folder, `${sha256(config)}.json`), config);
      const layers: string[] = [];
      for (const [index, layer] of image.layers.entries()) {
        const name = `${number}-${index}`;
        await mkdir(join(folder, name));
        const known = places.get(layer);
        if (known === undefined) await writeFile(join(folder, name, "layer.tar"), layer);
        else await symlink(`../${known}/layer.tar`, join(folder, name, "layer.tar"));
        places.set(layer, known ?? name);
        layers.push(`${name}/layer.tar`);
      }
      manifest.push({ Config: `${sha256(config)}.json`, RepoTags: [reference], Layers: layers });
    }
    await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
    await promisify(execFile)("tar", ["--create", "--file", path, "--directory", folder, "."]);
    await rm(folder, { recursive: true });
  }
}

function configOf({ layers }: FakeImage): string {
  return JSON.stringify({ rootfs: { type: "layers", diff_ids: layers.map((layer) => `sha256:${sha256(layer)}`) } });
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
