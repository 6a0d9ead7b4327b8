/**
 * Work that callers share: the first caller of a key starts it, later ones join. It is aborted when every caller has
 * gone; the last one to go waits until the work has cleaned up, the others leave at once.
 */
export interface Flights<N> {
  /**
   * @param listener told of the progress that `work` notes, from this caller's joining on
   * @throws what `work` throws, or the reason of this caller's own signal
   */
  run<T>(
    key: string,
    signal: AbortSignal,
    listener: ((note: N) => void) | undefined,
    work: (signal: AbortSignal, notify: (note: N) => void) => Promise<T>,
  ): Promise<T>;
}

interface Flight<N> {
  readonly result: Promise<unknown>;
  readonly controller: AbortController;
  readonly listeners: Set<(note: N) => void>;
  callers: number;
}

export function createFlights<N>(): Flights<N> {
  const flights = new Map<string, Flight<N>>();

  const depart = (key: string, work: (signal: AbortSignal, notify: (note: N) => void) => Promise<unknown>) => {
    const controller = new AbortController();
    const listeners = new Set<(note: N) => void>();
    const notify = (note: N) => {
      for (const listener of listeners) listener(note);
    };
    const result = work(controller.signal, notify).finally(() => forget(key, flight));
    result.catch(() => {});
    const flight: Flight<N> = { result, controller, listeners, callers: 0 };
    flights.set(key, flight);
    return flight;
  };
  const forget = (key: string, flight: Flight<N>) => {
    if (flights.get(key) === flight) flights.delete(key);
  };

  return {
    async run<T>(
      key: string,
      signal: AbortSignal,
      listener: ((note: N) => void) | undefined,
      work: (signal: AbortSignal, notify: (note: N) => void) => Promise<T>,
    ): Promise<T> {
      signal.throwIfAborted();
      const flight = flights.get(key) ?? depart(key, work);
      flight.callers++;
      if (listener) flight.listeners.add(listener);
      const gone = Promise.withResolvers<never>();
      const leave = () => gone.reject(signal.reason);
      signal.addEventListener("abort", leave, { once: true });
      try {
        return (await Promise.race([flight.result, gone.promise])) as T;
      } finally {
        signal.removeEventListener("abort", leave);
        if (listener) flight.listeners.delete(listener);
        flight.callers--;
        if (flight.callers === 0 && signal.aborted) {
          forget(key, flight);
          flight.controller.abort(signal.reason);
          await flight.result.catch(() => {});
        }
      }
    },
  };
}
