/**
 * Whether a refused start tells of the runtime's own end rather than of the function: a shim that died under the call, a
 * runc that crashed before it could say why, a container that was killed before its program was even begun, remains of
 * an earlier task in the way. A machine that is short of processes or memory does that, and so does somebody who kills
 * them.
 */
export function isBreakdown(words: string): boolean {
  return breakdowns.some((breakdown) => breakdown.test(words));
}

const breakdowns: readonly RegExp[] = [
  /\bttrpc: closed\b/,
  /\bfailed to start shim: (?:start failed|mkdir \S+: file exists)\b/,
  // What a runtime that refuses has to say stands in place of this.
  /\bdid not terminate successfully\b/,
  /\bcannot start a stopped process\b/,
];
