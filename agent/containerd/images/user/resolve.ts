import { ClientError } from "nice-grpc";
import { AgentError } from "../../../errors.ts";
import { type ContentClient, readBlob } from "../../content/read.ts";
import { compressionOf } from "../layer-types.ts";
import type { Descriptor } from "../oci.ts";
import { decompressed } from "../tar.ts";
import { type ImageUser, lookUp, numericUser, parseUserText } from "./accounts.ts";
import { readLayerFiles } from "./layer-files.ts";

export type { ImageUser } from "./accounts.ts";

/**
 * An image's user in numbers, by the image's own /etc/passwd and /etc/group, which are read from its layers' blobs.
 * @param text `User` of the image's config, not empty
 * @param layers lowest first
 * @throws AgentError IMAGE_INVALID when the image doesn't know the user, or a layer's blob is gone
 */
export async function resolveUser(
  client: ContentClient,
  image: { readonly name: string; readonly layers: readonly Descriptor[] },
  text: string,
  signal: AbortSignal,
): Promise<ImageUser> {
  const user = parseUserText(text);
  const numeric = numericUser(user);
  if (numeric) return numeric;

  const sources = image.layers
    .toReversed()
    .map((layer) => () => decompressed(readBlob(client, layer.digest, signal), compressionOf(layer.mediaType)));
  let files: Map<string, string>;
  try {
    files = await readLayerFiles(sources, ["etc/passwd", "etc/group"], signal);
  } catch (error) {
    if (signal.aborted || error instanceof AgentError || error instanceof ClientError) throw error;
    const message = `image ${image.name}: a layer cannot be read (${error instanceof Error ? error.message : error})`;
    throw new AgentError("IMAGE_INVALID", message, { cause: error });
  }
  const found = lookUp(user, files.get("etc/passwd") ?? "", files.get("etc/group") ?? "");
  if ("unknown" in found) {
    throw new AgentError("IMAGE_INVALID", `image ${image.name} wants to run as ${text}, but ${found.unknown}`);
  }
  return found;
}
