import type { WorkerConnection } from "./lease.ts";
import type { QueueBudget } from "./queue-budget.ts";
import type { SharedOptions, Starter } from "./slot-options.ts";

export interface QueueLimits {
  /** How many requests may wait for one function. */
  readonly queueLimit: number;
  /** How long each may wait, the cold start included. */
  readonly queueTimeoutMs: number;
  /** How much the events of all functions' waiting requests may take. */
  readonly queueBudget: QueueBudget;
}

export interface FunctionPoolOptions<C extends WorkerConnection> extends SharedOptions<C>, QueueLimits {
  readonly starter: Starter;
  /** Asked when a worker is free, told when one is or has gone. */
  readonly room: {
    readonly wanted: boolean;
    takes(functionName: string): boolean;
    onChange(gone: boolean): void;
  };
  /** Whether the agent has told which workers there are; before that `min` is not filled up. */
  readonly known: () => boolean;
}
