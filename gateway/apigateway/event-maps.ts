/** An object for names that clients choose: `__proto__` is a name like any other in it. */
export function textMap(): Record<string, string> {
  return Object.create(null);
}

/** As `textMap`, with several values to a name. */
export function textsMap(): Record<string, string[]> {
  return Object.create(null);
}
