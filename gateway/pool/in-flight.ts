/**
 * Remembers beyond the gateway's own end which workers have a request (G6, S4). Nothing of it throws: an invocation does
 * not fail because it cannot be noted.
 */
export interface InFlight {
  /** Whether the worker may still work on a request, of this life or of the one before. */
  isMarked(instanceId: string): boolean;
  /** A request is about to go to the worker. */
  mark(instanceId: string): void;
  /** The worker has answered, or is gone for good. */
  clear(instanceId: string): void;
}
