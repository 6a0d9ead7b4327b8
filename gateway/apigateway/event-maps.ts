/** Names with one or several values each, as an event has them. */
export type TextMap = Record<string, string>;
export type TextsMap = Record<string, string[]>;

/**
 * Puts a name that the client chose into an object: `__proto__` is a name like any other. (An object without a prototype
 * would need no such care, and costs three times as much to make and to write as JSON.)
 */
export function put<Value>(target: Record<string, Value>, name: string, value: Value): void {
  if (name === "__proto__") {
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[name] = value;
  }
}
