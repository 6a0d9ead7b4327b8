/**
 * The part of the decorators' metadata API (rbuckton.github.io/reflect-metadata) that tsyringe, which @peculiar/x509 is
 * built on, asks for when it is loaded. Imported before it; leaves an implementation alone that is there already.
 */
const metadata = new WeakMap<object, Map<unknown, unknown>>();

function own(key: unknown, target: object): unknown {
  return metadata.get(target)?.get(key);
}

function inherited(key: unknown, target: object): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at)) {
    if (metadata.get(at)?.has(key)) return own(key, at);
  }
  return undefined;
}

function define(key: unknown, value: unknown, target: object): void {
  const entries = metadata.get(target) ?? new Map<unknown, unknown>();
  metadata.set(target, entries.set(key, value));
}

if (!("getMetadata" in Reflect)) {
  Object.assign(Reflect, { getMetadata: inherited, getOwnMetadata: own, defineMetadata: define });
}
