const firstMs = 1000;
const longestMs = 60_000;

/** How long starts rest when they have been given up for the n-th time in a row, in milliseconds. */
export function restMs(time: number): number {
  return Math.min(longestMs, firstMs * 2 ** (time - 1));
}
