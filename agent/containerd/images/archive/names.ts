import { AgentError } from "../../../errors.ts";
import type { DescriptorLike } from "../documents.ts";
import { parseReference } from "../reference.ts";

export interface FoundImage {
  /** As the archive says it; undefined when it doesn't. */
  readonly name: string | undefined;
  readonly target: DescriptorLike;
}

export interface NamedImage {
  readonly name: string;
  readonly target: DescriptorLike;
}

/**
 * Names for the images of an archive, in normal form.
 * @param given name that counts more than the archive's own; it can be only one image's
 * @throws AgentError IMAGE_INVALID
 */
export function nameImages(found: readonly FoundImage[], given: string | undefined): NamedImage[] {
  const [first] = found;
  if (first === undefined) throw new AgentError("IMAGE_INVALID", "the archive holds no image");
  if (given !== undefined) {
    const count = new Set(found.map(({ target }) => target.digest)).size;
    if (count === 1) return [{ name: given, target: first.target }];
    throw new AgentError("IMAGE_INVALID", `the archive holds ${count} images, so they cannot all be named ${given}`);
  }
  return found.map(({ name, target }) => {
    if (name === undefined) {
      throw new AgentError("IMAGE_INVALID", "the archive does not say what its image is called; give it a name");
    }
    return { name: normal(name), target };
  });
}

function normal(name: string): string {
  try {
    return parseReference(name).name;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AgentError("IMAGE_INVALID", `the archive names its image badly: ${why}`, { cause: error });
  }
}
