import type { Docker } from "./docker.ts";

/** An image of the local engine. */
export interface ImageFacts {
  /** With its tag. */
  readonly reference: string;
  /** `sha256:…` as the engine knows it. */
  readonly id: string;
  /** `os/architecture`, in Go's words. */
  readonly platform: string;
}

interface Wanted {
  readonly images: readonly string[];
  /** Those that are built, and nowhere to be pulled from. */
  readonly ours: readonly string[];
  readonly tell: (sentence: string) => void;
}

/** Facts of images, each once and sorted; what the engine lacks is pulled. @throws Error when one cannot be had */
export async function presentImages(docker: Docker, { images, ours, tell }: Wanted): Promise<ImageFacts[]> {
  const facts: ImageFacts[] = [];
  for (const reference of [...new Set(images.map(withTag))].sort()) {
    facts.push(await inspect(docker, reference).catch(() => pull(docker, reference, ours.includes(reference), tell)));
  }
  return facts;
}

/** Of all images. @throws Error when they are not for one and the same */
export function platformOf(images: readonly ImageFacts[]): string {
  const [platform = "", ...others] = new Set(images.map((image) => image.platform));
  if (others.length === 0) return platform;
  const lines = images.map((image) => `  ${image.platform} ${image.reference}`);
  throw new Error(`these images are not all for one platform:\n${lines.join("\n")}`);
}

/** Without a tag, `docker save` would save all that the repository has. */
function withTag(reference: string): string {
  return reference.lastIndexOf(":") > reference.lastIndexOf("/") ? reference : `${reference}:latest`;
}

async function pull(
  docker: Docker,
  reference: string,
  isOurs: boolean,
  tell: (sentence: string) => void,
): Promise<ImageFacts> {
  if (isOurs) throw new Error(`${reference} is not built yet: docker compose build, or this with --build`);
  tell(`pulling ${reference}`);
  await docker.run(["pull", "--quiet", reference]);
  return inspect(docker, reference);
}

async function inspect(docker: Docker, reference: string): Promise<ImageFacts> {
  const format = "{{.Id}} {{.Os}}/{{.Architecture}}";
  const [id = "", platform = ""] = (await docker.run(["image", "inspect", "--format", format, reference]))
    .trim()
    .split(" ");
  return { reference, id, platform };
}
