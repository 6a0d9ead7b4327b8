import { delay } from "../../common/delay.ts";
import type {
  ImageServiceImplementation,
  ImportImageRequest,
  PullProgress,
} from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentError } from "../errors.ts";
import { naming } from "./validate.ts";
import type { Readiness } from "./workers.ts";

/** An image, as the contract tells of it. */
export interface StoredImage {
  readonly name: string;
  readonly digest: string;
  readonly sizeBytes: bigint;
}

/** What the contract's image calls need of the store. */
export interface Images {
  importArchive(
    archive: AsyncIterable<Uint8Array>,
    name: string | undefined,
    signal: AbortSignal,
  ): Promise<StoredImage[]>;
  pull(reference: string, signal: AbortSignal, onProgress: (progress: PullProgress) => void): Promise<StoredImage>;
  list(signal: AbortSignal): Promise<StoredImage[]>;
  /** @returns whether there was one */
  remove(reference: string, signal: AbortSignal): Promise<boolean>;
}

/** As often as somebody can read it. */
const betweenProgressMs = 100;

export function imageService(images: Images, ready: Readiness): ImageServiceImplementation {
  return {
    async importImage(requests, { signal }) {
      ready();
      const messages = requests[Symbol.asyncIterator]();
      const first = (await messages.next()).value as ImportImageRequest | undefined;
      if (first?.content?.$case !== "options") throw new AgentError("INVALID_REQUEST", "options: is required, first");
      const { name } = first.content.value;
      const archive = chunks({ [Symbol.asyncIterator]: () => messages });
      return { images: await images.importArchive(archive, name === "" ? undefined : name, signal) };
    },
    async *pullImage({ image: reference }, { signal }) {
      ready();
      let latest: PullProgress | undefined;
      let more = Promise.withResolvers<void>();
      const pull = images.pull(reference, signal, (progress) => {
        latest = progress;
        more.resolve();
      });
      const done = naming("image", pull);
      // A reader that is slower than the pull gets the newest state, not a backlog.
      const ended = done.then(
        () => true,
        () => true,
      );
      while (!(await Promise.race([ended, more.promise.then(() => false)]))) {
        more = Promise.withResolvers<void>();
        if (latest !== undefined) yield { event: { $case: "progress", value: latest } };
        await Promise.race([ended, delay(betweenProgressMs, signal)]);
      }
      yield { event: { $case: "image", value: await done } };
    },
    async listImages(_request, { signal }) {
      ready();
      return { images: await images.list(signal) };
    },
    async removeImage({ image }, { signal }) {
      ready();
      return { existed: await naming("image", images.remove(image, signal)) };
    },
  };
}

async function* chunks(messages: AsyncIterable<ImportImageRequest>): AsyncGenerator<Uint8Array, void> {
  for await (const { content } of messages) {
    if (content?.$case !== "chunk")
      throw new AgentError("INVALID_REQUEST", "chunk: is required in every message but the first");
    yield content.value;
  }
}
