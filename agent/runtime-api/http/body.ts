import type { IncomingMessage } from "node:http";

export type Collected =
  | { readonly kind: "whole"; readonly parts: readonly Buffer[]; readonly bytes: number }
  /** Told once, as soon as it is known; the rest is read and dropped. */
  | { readonly kind: "too-large" }
  /** The connection went before the end. */
  | { readonly kind: "lost" };

/** What comes in excess of a limit is dropped up to so many times as much, so that the sender reads our answer. */
const mostDropped = 10;
/** A body that is refused unread: as large as an answer may be. In bytes. */
const mostUnwantedBytes = 8 * 1024 * 1024;

/** Gathers a request's body in the parts in which it comes. `done` is called once. @param limit bytes */
export function collect(request: IncomingMessage, limit: number, done: (body: Collected) => void): void {
  let parts: Buffer[] = [];
  let bytes = 0;
  let finish: ((body: Collected) => void) | undefined = done;
  const end = (body: Collected) => {
    const call = finish;
    finish = undefined;
    call?.(body);
  };
  request.on("data", (part: Buffer) => {
    bytes += part.length;
    if (bytes <= limit) parts.push(part);
    else {
      parts = [];
      end({ kind: "too-large" });
      if (bytes > limit * (1 + mostDropped)) request.destroy();
    }
  });
  request.on("end", () => {
    const whole = parts;
    // The request lives as long as its answer takes; what it brought need not.
    parts = [];
    end({ kind: "whole", parts: whole, bytes });
  });
  request.on("close", () => end({ kind: "lost" }));
  request.on("error", () => end({ kind: "lost" }));
}

/** Reads a body that nobody wants, so that the sender reads our answer, and cuts off one that does not end. */
export function drop(request: IncomingMessage): void {
  let bytes = 0;
  request.on("error", () => undefined);
  request.on("data", (part: Buffer) => {
    bytes += part.length;
    if (bytes > mostUnwantedBytes) request.destroy();
  });
}

/** A body that is read as a whole. */
export function joined(parts: readonly Buffer[]): Buffer {
  const [first] = parts;
  return first !== undefined && parts.length === 1 ? first : Buffer.concat(parts);
}
