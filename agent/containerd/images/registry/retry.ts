/** Waits before a request is sent again that failed in passing, in milliseconds. */
export const requestDelays: readonly number[] = [100, 500];

const blobDelays: readonly number[] = [100, 500, 1500, 3000];

/** So many new bytes make an earlier cut forgotten: a long blob on a poor line may be cut often. */
export const progressBytes = 1024 * 1024;

/**
 * How long to wait before a blob that was cut is asked for again from where it broke off; undefined: give up.
 * @param cuts cuts in a row with less than `progressBytes` between them, this one included
 */
export function resumeDelayMs(cuts: number): number | undefined {
  return blobDelays[cuts - 1];
}
