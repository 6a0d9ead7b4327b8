import type { WorkerListener } from "./agent.ts";

/** Tells several listeners, one after the other. */
export function eachOf(...listeners: readonly WorkerListener[]): WorkerListener {
  return {
    onSnapshot: (workers) => listeners.forEach((listener) => void listener.onSnapshot(workers)),
    onChanged: (worker) => listeners.forEach((listener) => void listener.onChanged(worker)),
    onRemoved: (worker, reason) => listeners.forEach((listener) => void listener.onRemoved(worker, reason)),
  };
}
