import { setTimeout as delay } from "node:timers/promises";
import type { Stack } from "../support/docker/stack.ts";

/** How one request ended: its status, or why there was no answer. */
export interface Outcome {
  readonly status: number | string;
}

const pauseMs = 50;

/** Sends one request after the other until it is disposed of. */
export function startLoad(stack: Stack): { readonly outcomes: readonly Outcome[] } & AsyncDisposable {
  const outcomes: Outcome[] = [];
  const ending = new AbortController();
  const running = (async () => {
    while (!ending.signal.aborted) {
      outcomes.push(await one(stack));
      await delay(pauseMs);
    }
  })();
  return {
    outcomes,
    async [Symbol.asyncDispose]() {
      ending.abort();
      await running;
    },
  };
}

async function one(stack: Stack): Promise<Outcome> {
  try {
    const answer = await stack.invoke();
    await answer.arrayBuffer();
    return { status: answer.status };
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    return { status: cause?.code ?? String(error) };
  }
}

/** How often each status was there. */
export function tally(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of outcomes) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
