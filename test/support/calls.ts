import assert from "node:assert/strict";
import { ClientError, Metadata, Status } from "nice-grpc";
import type { EnsureRequest, Worker } from "../../proto/gen/esb/agent/v1/agent.ts";
import { probeImage, staticServerImage } from "./images.ts";

/** Whose workers the tests make, where it does not matter: the owner whose workers' ids are the shortest. */
export const owner = "gateway";

type Spec = Partial<NonNullable<EnsureRequest["function"]>>;

/** A request for the worker of slot 0 of a function that answers within a millisecond of its start. */
export function ensureRequest(name: string, changed: Spec = {}) {
  return { function: { name, image: staticServerImage, memoryMib: 128, timeoutMs: 3000, ...changed }, slot: 0, owner };
}

/** As `ensureRequest`, for a function that tells what it sees: see `ask`. */
export function probeRequest(name: string, changed: Spec = {}) {
  return ensureRequest(name, { image: probeImage, ...changed });
}

/** That it is the very worker, in the same state; when it was last used does not matter. */
export function assertSameWorker(actual: Worker | undefined, expected: Worker | undefined): void {
  assert.deepEqual({ ...actual, lastAccessMs: 0n }, { ...expected, lastAccessMs: 0n });
}

/** A call that failed, as its client sees it. */
export interface Failure {
  readonly status: keyof typeof Status;
  /** Of the trailer `esb-error-code`. */
  readonly code: string | undefined;
  readonly message: string;
  readonly afterMs: number;
}

/** How a call fails; it is given the options that it must pass on. @throws Error when it succeeds */
export async function failureOf(
  call: (options: { onTrailer: (trailer: Metadata) => void }) => Promise<unknown>,
): Promise<Failure> {
  let trailer = Metadata();
  const begun = performance.now();
  const onTrailer = (received: Metadata) => {
    trailer = received;
  };
  try {
    await call({ onTrailer });
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const status = Status[error.code] as keyof typeof Status;
    const afterMs = performance.now() - begun;
    return { status, code: trailer.get("esb-error-code"), message: error.details, afterMs };
  }
  throw new Error("the call succeeded");
}

/** Sends a worker an invocation and returns its answer. @throws Error when it is none or not JSON */
export async function ask(
  worker: Worker | undefined,
  op: string,
  input: object = {},
): Promise<Record<string, unknown>> {
  const url = `http://${worker?.host}:${worker?.port}/2015-03-31/functions/function/invocations`;
  const body = JSON.stringify({ op, ...input });
  // No connection of an earlier worker at the same address must be used again.
  const response = await fetch(url, { method: "POST", body, headers: { connection: "close" } });
  return (await response.json()) as Record<string, unknown>;
}
