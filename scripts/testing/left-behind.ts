import { setTimeout as sleep } from "node:timers/promises";
import { newSince, type Snapshot, takeSnapshot } from "../../test/support/leaks.ts";

/**
 * What the machine has now and had not before, a line each. What ends of itself a moment after its test, such as a
 * killed process, is not left behind.
 */
export async function leftBehind(before: Snapshot): Promise<string[]> {
  let found = newSince(before, await takeSnapshot());
  for (let attempt = 0; attempt < 240 && found.length > 0; attempt++) {
    await sleep(250);
    found = newSince(before, await takeSnapshot());
  }
  return found;
}
