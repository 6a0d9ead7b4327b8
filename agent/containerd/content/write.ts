import { setTimeout as sleep } from "node:timers/promises";
import { ClientError, Status } from "nice-grpc";
import { WriteAction, type WriteContentRequest } from "../../../proto/gen/containerd/services/content/v1/content.ts";
import { AgentError } from "../../errors.ts";
import { isAlreadyExists, isFailedPrecondition } from "../client.ts";
import type { Lease } from "../leases.ts";
import { inChunks } from "./chunks.ts";
import type { ContentClient } from "./read.ts";

/** A blob that is to be kept. */
export interface BlobToWrite {
  /** Name of the write: two writers of one ref exclude each other, and a later one goes on where the first broke off. */
  readonly ref: string;
  /** A function when only the bytes tell: it is called once they all have been read. */
  readonly digest: string | (() => string);
  readonly sizeBytes: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** The rest of a blob, from `offsetBytes` on. */
export type BlobSource = (offsetBytes: number) => AsyncIterable<Uint8Array>;

const chunkBytes = 1024 * 1024;
const lockedRetryMs = 100;

/**
 * Streams a blob into containerd's store; containerd checks its digest and size. When another writer has its ref, waits
 * for that one's outcome.
 * @returns false when the blob was there already: then it is held by the lease, and `source` was not read
 * @throws AgentError IMAGE_INVALID when the bytes are not what digest and size say; then none of them are kept
 */
export async function writeBlob(
  client: ContentClient,
  blob: BlobToWrite,
  source: BlobSource,
  lease: Lease,
  signal: AbortSignal,
): Promise<boolean> {
  for (;;) {
    try {
      await writeOnce(client, blob, source, lease, signal);
      return true;
    } catch (error) {
      if (isAlreadyExists(error)) {
        await lease.hold("content", digestOf(blob));
        return false;
      }
      if (isMismatch(error)) {
        await client.content.abort({ ref: blob.ref }, lease.call).catch(() => {});
        const why = `the bytes of ${digestOf(blob)} are not what its digest and size say`;
        throw new AgentError("IMAGE_INVALID", why, { cause: error });
      }
      if (!isLocked(error)) throw error;
    }
    await sleep(lockedRetryMs, undefined, { signal });
  }
}

async function writeOnce(
  client: ContentClient,
  blob: BlobToWrite,
  source: BlobSource,
  lease: Lease,
  signal: AbortSignal,
): Promise<void> {
  const total = BigInt(blob.sizeBytes);
  const opened = Promise.withResolvers<bigint | undefined>();

  async function* requests(): AsyncIterable<Partial<WriteContentRequest>> {
    const expected = typeof blob.digest === "string" ? blob.digest : "";
    yield { action: WriteAction.STAT, ref: blob.ref, total, expected };
    const start = await opened.promise;
    if (start === undefined) return;
    let offset = start;
    if (offset < total) {
      for await (const data of inChunks(source(Number(offset)), chunkBytes)) {
        yield { action: WriteAction.WRITE, ref: blob.ref, offset, data };
        offset += BigInt(data.length);
      }
    }
    yield { action: WriteAction.COMMIT, offset, total, expected: digestOf(blob), labels: { ...blob.labels } };
  }

  try {
    for await (const response of client.content.write(requests(), { ...lease.call, signal })) {
      opened.resolve(response.offset);
    }
  } finally {
    opened.resolve(undefined);
  }
}

function digestOf({ digest }: BlobToWrite): string {
  return typeof digest === "string" ? digest : digest();
}

/** Messages of containerd's content store: it has no code of their own for them. */
function isLocked(error: unknown): boolean {
  return error instanceof ClientError && error.code === Status.UNAVAILABLE && /locked/.test(error.details);
}

function isMismatch(error: unknown): boolean {
  return isFailedPrecondition(error) && /unexpected commit (?:digest|size)|failed size validation/.test(String(error));
}
