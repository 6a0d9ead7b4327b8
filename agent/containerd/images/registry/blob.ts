import { setTimeout as sleep } from "node:timers/promises";
import { connectionError, RegistryError } from "./errors.ts";
import type { HttpResponse } from "./http.ts";
import type { Repository } from "./registry.ts";
import { progressBytes, resumeDelayMs } from "./retry.ts";

/**
 * A blob's bytes from `offsetBytes` on. When the connection is cut, the rest is asked for from where it broke off, a
 * bounded number of times.
 * @throws RegistryError, or the signal's reason
 */
export async function* fetchBlob(
  repository: Pick<Repository, "host" | "blob">,
  blob: { readonly digest: string; readonly sizeBytes: number },
  offsetBytes: number,
  signal: AbortSignal,
): AsyncIterable<Buffer> {
  let offset = offsetBytes;
  let cuts = 0;
  let cutAt = offset;
  while (offset < blob.sizeBytes) {
    try {
      const response = await repository.blob(blob.digest, offset, signal);
      for await (const chunk of rest(response, offset, repository.host, signal)) {
        offset += chunk.length;
        if (offset > blob.sizeBytes) {
          const message = `${repository.host} sends more for ${blob.digest} than its ${blob.sizeBytes} bytes`;
          throw new RegistryError("IMAGE_INVALID", message, { passing: false });
        }
        yield chunk;
      }
      if (offset >= blob.sizeBytes) return;
      const message = `${repository.host} sent only ${offset} of ${blob.sizeBytes} bytes of ${blob.digest}`;
      throw new RegistryError("IMAGE_PULL_FAILED", message, { passing: true });
    } catch (error) {
      if (!(error instanceof RegistryError) || !error.passing) throw error;
      cuts = offset - cutAt >= progressBytes ? 1 : cuts + 1;
      cutAt = offset;
      const delayMs = resumeDelayMs(cuts);
      if (delayMs === undefined) throw error;
      await sleep(delayMs, undefined, { signal });
    }
  }
}

/** A registry that knows no ranges sends all of it anew: what we have is dropped. */
async function* rest(response: HttpResponse, offset: number, host: string, signal: AbortSignal): AsyncIterable<Buffer> {
  let skip = response.status === 206 ? 0 : offset;
  try {
    for await (const chunk of response.body) {
      const kept: Buffer = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - kept.length;
      if (kept.length > 0) yield kept;
    }
  } catch (error) {
    if (signal.aborted || error instanceof RegistryError) throw error;
    throw connectionError(error, host);
  }
}
