/** Longest function name, in characters, as Lambda has it. */
export const longestFunctionName = 64;

const pattern = /^[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*$/;

/**
 * Whether a function can have this name: letters and digits joined by single `-` or `_`, since the name becomes part of
 * a container id (containerd: pkg/identifiers).
 */
export function isFunctionName(name: string): boolean {
  return name.length <= longestFunctionName && pattern.test(name);
}
