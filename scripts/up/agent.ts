import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { type Channel, type ChannelCredentials, createChannel, createClientFactory } from "nice-grpc";
import { deadlineMiddleware } from "nice-grpc-client-middleware-deadline";
import { HealthDefinition } from "nice-grpc-server-health";
import PQueue from "p-queue";
import {
  AgentServiceDefinition,
  type Image,
  ImageServiceDefinition,
  type ImportImageRequest,
  type Worker,
} from "../../proto/gen/esb/agent/v1/agent.ts";

/** What up and down ask of the agent. */
export interface Agent extends Disposable {
  /** Whether it answers and says that it serves. */
  isServing(): Promise<boolean>;
  /** Imports an archive. @param onProgress is told the share that has been sent, 0 to 1 */
  importImage(path: string, onProgress: (share: number) => void): Promise<readonly Image[]>;
  listWorkers(): Promise<readonly Worker[]>;
  /** Destroys these, some at a time; @returns a sentence for each that failed. */
  destroyWorkers(ids: readonly string[]): Promise<string[]>;
}

const chunkBytes = 512 * 1024;
/** grpc.health.v1.HealthCheckResponse.SERVING */
const serving = 1;

/** A client for the agent at `host:port` or `unix:///path`; it connects with the first call. @param credentials none: plaintext */
export function agentAt(address: string, credentials?: ChannelCredentials): Agent {
  const channel: Channel = createChannel(address, credentials);
  const factory = createClientFactory().use(deadlineMiddleware);
  const agent = factory.create(AgentServiceDefinition, channel);
  const images = factory.create(ImageServiceDefinition, channel);
  const health = factory.create(HealthDefinition, channel);
  return {
    isServing: () =>
      health.check({ service: AgentServiceDefinition.fullName }, { deadline: 1000 }).then(
        (answer) => Number(answer.status) === serving,
        () => false,
      ),
    async importImage(path, onProgress) {
      const answer = await images.importImage(importMessages(path, onProgress), { deadline: 300_000 });
      return answer.images;
    },
    listWorkers: async () => (await agent.list({}, { deadline: 5000 })).workers,
    async destroyWorkers(ids) {
      const queue = new PQueue({ concurrency: 8 });
      const failures = await queue.addAll(
        ids.map((workerId) => async () => {
          try {
            await agent.destroy({ workerId }, { deadline: 30_000 });
            return [];
          } catch (error) {
            return [`${workerId}: ${(error as Error).message}`];
          }
        }),
      );
      return failures.flat();
    },
    [Symbol.dispose]: () => channel.close(),
  };
}

async function* importMessages(path: string, onProgress: (share: number) => void): AsyncIterable<ImportImageRequest> {
  const { size } = await stat(path);
  yield { content: { $case: "options", value: { name: "" } } };
  let sent = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
    yield { content: { $case: "chunk", value: chunk as Buffer } };
    sent += (chunk as Buffer).length;
    onProgress(sent / size);
  }
}
