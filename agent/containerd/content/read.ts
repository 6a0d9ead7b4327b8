import { AgentError } from "../../errors.ts";
import { type ContainerdClient, isNotFound } from "../client.ts";

export type ContentClient = Pick<ContainerdClient, "content">;

/** The bytes of a blob. @throws ClientError NOT_FOUND when it is not there */
export async function* readBlob(client: ContentClient, digest: string, signal: AbortSignal): AsyncIterable<Buffer> {
  for await (const { data } of client.content.read({ digest }, { signal })) yield data;
}

/**
 * A small blob as a whole; undefined when it is not there.
 * @throws AgentError IMAGE_INVALID when it is larger than `limitBytes`
 */
export async function readSmallBlob(
  client: ContentClient,
  digest: string,
  limitBytes: number,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of readBlob(client, digest, signal)) {
      size += chunk.length;
      if (size > limitBytes) {
        throw new AgentError("IMAGE_INVALID", `${digest} should be a document but has more than ${limitBytes} bytes`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
  return Buffer.concat(chunks);
}

/** Whether a blob is there in full. */
export async function hasBlob(client: ContentClient, digest: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.content.info({ digest }, { signal });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Adds labels to a blob that is there; those of other names stay. */
export async function labelBlob(
  client: ContentClient,
  digest: string,
  labels: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const updateMask = Object.keys(labels).map((label) => `labels.${label}`);
  if (updateMask.length === 0) return;
  await client.content.update({ info: { digest, labels: { ...labels } }, updateMask }, { signal });
}
