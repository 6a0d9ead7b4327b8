/** Time, as the pools see it. */
export interface Clock {
  /** Milliseconds that only ever grow. */
  now(): number;
  /** Milliseconds since 1970, for comparison with what others tell; may jump. */
  epochMs(): number;
  /** Calls back once, unless cancelled by what it returns; never keeps the process alive. */
  after(ms: number, callback: () => void): () => void;
}

/** setTimeout's longest delay. */
const longestMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  epochMs: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, Math.min(ms, longestMs)).unref();
    return () => clearTimeout(timer);
  },
};
