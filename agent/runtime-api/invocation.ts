import type { Writable } from "node:stream";
import type { Ticket } from "./model/state.ts";

/** An invocation as it came from the gateway; its event is passed on as it is and never looked into. */
export interface Invocation extends Ticket {
  /** Parts of the event, as they were received. To be had once: nobody keeps them while the function works. */
  takeEvent(): readonly Buffer[];
  /** When its time is up, in milliseconds since 1970. */
  readonly deadlineMs: number;
  readonly functionArn: string;
  readonly traceId: string | undefined;
  /** JSON, already decoded; a byte of it is a character (Latin-1), as headers have it. */
  readonly clientContext: string | undefined;
  /** JSON. */
  readonly cognitoIdentity: string | undefined;
  readonly caller: Caller;
}

/** Who waits for an invocation's answer. All of it is harmless once the caller has gone. */
export interface Caller {
  /** Whether a streamed response is wanted as it comes. */
  readonly wantsStream: boolean;
  /** The function has answered. */
  answer(payload: readonly Buffer[], contentType: string): void;
  /** The function, or what runs it, has failed. */
  fail(payload: readonly Buffer[], contentType: string): void;
  /** Begins a response that is passed on as it comes. */
  stream(contentType: string): ResponseStream;
  /** The function never got it. `gone`: nor does it ever get another; `busy`: there are too many at once. */
  turnAway(because: "busy" | "gone"): void;
  /** The worker is taken away while it works: there is no answer, and nothing that looks like one. */
  cut(): void;
}

export interface ResponseStream {
  /** Where the parts go; it is over when it closes. */
  readonly body: Writable;
  /** All parts are there. */
  end(): void;
  /** The function broke off; `payload` is AWS's JSON of the error. */
  fail(errorType: string, payload: Buffer): void;
}

/** Waits for an invocation on the runtime's behalf. */
export interface Poll {
  deliver(invocation: Invocation): void;
  /** Another request has taken its place, or there is nothing to wait for, or to read, any more. */
  close(): void;
}

/** Waits for an event on an extension's behalf. */
export interface EventPoll {
  deliver(event: object): void;
  close(): void;
}
