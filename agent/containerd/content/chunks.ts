/** The same bytes in chunks of `size`, but for the last one: fewer, larger messages. */
export async function* inChunks(source: AsyncIterable<Uint8Array>, size: number): AsyncIterable<Buffer> {
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for await (const piece of source) {
    let rest = piece;
    while (waitingBytes + rest.length >= size) {
      const taken = size - waitingBytes;
      yield Buffer.concat([...waiting, rest.subarray(0, taken)]);
      rest = rest.subarray(taken);
      waiting = [];
      waitingBytes = 0;
    }
    if (rest.length > 0) waiting.push(rest);
    waitingBytes += rest.length;
  }
  if (waitingBytes > 0) yield Buffer.concat(waiting);
}
