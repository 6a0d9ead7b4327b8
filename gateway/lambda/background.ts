import type { PendingReply } from "../http/drain.ts";
import type { LambdaError } from "../http/errors.ts";
import type { InvocationOutcome } from "../http/metrics.ts";
import type { AnswerHead, FunctionError } from "./answer.ts";
import { retryAfterMs } from "./event-retry.ts";
import { type InvocationContext, type InvocationRequest, invoke } from "./invocation.ts";
import { type InvocationReply, outcomeOf } from "./invocation-reply.ts";

/** How much of a function's own words about its failure goes into the log. */
const longestReason = 1000;

interface Event {
  readonly id: string;
  readonly functionName: string;
}
type Context = Pick<InvocationContext, "onFailure" | "clock">;

/** What becomes of an event that nobody waits for; its failures go into the log. */
export class BackgroundReply implements InvocationReply, PendingReply {
  readonly #event: Event;
  readonly #context: Context;
  readonly #acceptedMs: number;
  readonly #gone = Promise.withResolvers<void>();
  readonly #left = new Set<() => void>();
  #handedOn = false;
  #givenUp = false;
  #refusal: LambdaError | undefined;

  constructor(event: Event, context: Context) {
    this.#event = event;
    this.#context = context;
    this.#acceptedMs = context.clock.now();
  }

  /** Since it was accepted: what it has waited behind others counts. */
  get ageMs(): number {
    return this.#context.clock.now() - this.#acceptedMs;
  }

  get handedOn(): boolean {
    return this.#handedOn;
  }

  get givenUp(): boolean {
    return this.#givenUp;
  }

  onHandedOn(): void {
    this.#handedOn = true;
  }

  onGone(callback: () => void): () => void {
    if (this.#givenUp) callback();
    else this.#left.add(callback);
    return () => this.#left.delete(callback);
  }

  /** An answer is wanted as a whole: nobody gets it. */
  begin(): undefined {}

  answer(head: AnswerHead, body: Buffer): InvocationOutcome {
    if (head.functionError !== undefined) this.#failed(body.subarray(0, longestReason).toString());
    return outcomeOf(head);
  }

  functionError({ errorType, errorMessage }: FunctionError): void {
    this.#failed(`${errorType}: ${errorMessage}`);
  }

  error(error: LambdaError): void {
    this.#refusal = error;
  }

  closeAfter(): void {
    // There is no connection.
  }

  giveUp(error: LambdaError): void {
    this.#givenUp = true;
    this.#tell("event is lost", error);
    for (const leave of this.#left) leave();
    this.#gone.resolve();
  }

  /** Why the last try did not come to a worker; once. */
  takeRefusal(): LambdaError | undefined {
    const refusal = this.#refusal;
    this.#refusal = undefined;
    return refusal;
  }

  /** Waits, unless it is given up. */
  async pause(ms: number): Promise<void> {
    const over = Promise.withResolvers<void>();
    const cancel = this.#context.clock.after(ms, over.resolve);
    await Promise.race([over.promise, this.#gone.promise]);
    cancel();
  }

  dropped(error: unknown): void {
    if (!this.#givenUp) this.#tell("event is lost", error);
  }

  #failed(words: string): void {
    if (!this.#givenUp) this.#tell("event failed", new Error(`the function failed: ${words}`));
  }

  #tell(what: string, error: unknown): void {
    this.#context.onFailure(what, { requestId: this.#event.id, function: this.#event.functionName, error });
  }
}

/**
 * Invokes a function for an event that nobody waits for, again and again until a worker has had it.
 * @param toRequest asked before each try. @throws LambdaError when the function is gone
 */
export async function invokeInBackground(
  reply: BackgroundReply,
  toRequest: () => InvocationRequest,
  context: InvocationContext,
): Promise<void> {
  for (let tries = 1; !reply.givenUp; tries++) {
    let request: InvocationRequest;
    try {
      request = toRequest();
    } catch (error) {
      reply.dropped(error);
      return;
    }
    await invoke(request, reply, context);
    const refusal = reply.takeRefusal();
    if (refusal === undefined) return;
    const waitMs = retryAfterMs(refusal, tries, reply.ageMs);
    if (waitMs === undefined) {
      reply.dropped(refusal);
      return;
    }
    await reply.pause(waitMs);
  }
}
