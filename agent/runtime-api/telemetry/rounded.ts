/** Milliseconds to the microsecond, as AWS tells them. */
export function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
