import { once } from "node:events";
import { createServer } from "node:net";

/** Below those that Linux gives to outgoing connections, any of which could take one before it is listened at. */
const range = { from: 12_000, to: 32_000 };

/** A TCP port that was free a moment ago. */
export function freePort(): Promise<number> {
  return freePorts(1);
}

/** The first of so many TCP ports in a row that were free a moment ago. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const first = range.from + Math.floor(Math.random() * (range.to - range.from - count));
    const looks = Array.from({ length: count }, (_, index) => isFree(first + index));
    if ((await Promise.all(looks)).every((free) => free)) return first;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, "0.0.0.0"), "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
