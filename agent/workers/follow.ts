import type { Logger } from "../../common/logger.ts";
import { abandonedExit } from "./exits.ts";
import { endedByMemoryLimit } from "./out-of-memory.ts";
import type { RuntimeEvent, WorkerRuntime } from "./runtime.ts";
import type { WorkerService } from "./service.ts";

export interface FollowOptions {
  readonly runtime: WorkerRuntime;
  readonly service: Pick<WorkerService, "noticeExit" | "noticeState" | "noticeNetworkLoss">;
  readonly logger: Logger;
}

/** Turns what the runtime reports into what the workers' service knows. Ends with an error when the runtime goes away. */
export async function followEvents(
  options: FollowOptions,
  signal: AbortSignal,
  onSubscribed: () => void,
): Promise<void> {
  const { runtime, service, logger } = options;
  const outOfMemory = new Set<string>();

  const handle = async (event: RuntimeEvent): Promise<void> => {
    if (event.type === "out-of-memory") {
      outOfMemory.add(event.id);
      logger.warn({ worker: event.id }, "the kernel killed a process of the worker at its memory limit");
    } else if (event.type === "extension-ended") {
      const { id: worker, exitStatus } = event;
      logger.warn({ worker, exitStatus }, "an extension of the worker has ended; the worker goes too");
      await runtime.kill(event.id);
    } else if (event.type === "exited") {
      const { id, pid, exitStatus } = event;
      const wasOutOfMemory = await endedByMemoryLimit(runtime, event, () => outOfMemory.has(id), signal);
      outOfMemory.delete(id);
      await service.noticeExit(id, pid, { exitStatus, outOfMemory: wasOutOfMemory });
    } else if (event.type === "abandoned") {
      logger.warn({ worker: event.id }, "what held the worker for the runtime has ended; the worker goes too");
      await service.noticeExit(event.id, event.pid, abandonedExit);
    } else if (event.type === "network-lost") {
      logger.warn({ worker: event.id }, "the worker's network was removed from outside; the worker goes too");
      await service.noticeNetworkLoss(event.id, event.attachmentId);
    } else {
      // The kernel's word may come late; it must not be taken for one about the next worker of this id.
      if (event.type === "removed") outOfMemory.delete(event.id);
      await service.noticeState(event.id, event.type === "resumed" ? "running" : event.type, signal);
    }
  };

  const events = runtime.events(signal)[Symbol.asyncIterator]();
  // The first `next` is what subscribes; only then may the caller read the present state, or it misses a change.
  let next = events.next();
  onSubscribed();
  for (;;) {
    const { value: event, done } = await next;
    if (done === true) return;
    next = events.next();
    // Not awaited: one worker's clean-up must not hold up the news of another; the worker's lock keeps the order.
    handle(event).catch((error: unknown) => {
      if (!signal.aborted)
        logger.error({ err: error, worker: event.id, event: event.type }, "an event could not be handled");
    });
  }
}
