import type { ServerResponse } from "node:http";
import { Writable } from "node:stream";

/** What may wait here for a slow client, in bytes; beyond it the function's connection is no longer read. */
const mostWaitingBytes = 64 * 1024;

export interface SinkOptions {
  /** Takes the pieces; it must have its head. */
  readonly response: ServerResponse;
  /** A piece of the function's answer as the client gets it; undefined: nothing of it. */
  readonly frame: (chunk: Buffer) => Uint8Array | undefined;
  /** What comes behind the last piece, once the function has ended. */
  readonly last: () => Uint8Array | undefined | Promise<Uint8Array | undefined>;
}

/** Where the pieces of a function's answer go: each at once, none faster than the client reads. */
export function streamSink({ response, frame, last }: SinkOptions): Writable {
  const sink = new Writable({
    highWaterMark: mostWaitingBytes,
    write(chunk: Buffer, _encoding, done) {
      const bytes = frame(chunk);
      if (bytes === undefined || response.closed || response.writableEnded || response.write(bytes)) done();
      else response.once("drain", done);
    },
    final(done) {
      void Promise.resolve(last()).then((bytes) => {
        // Not on a promise's time: nobody would hear of what it throws.
        if (!response.closed && !response.writableEnded) response.end(bytes);
        done();
      }, done);
    },
  });
  sink.on("error", () => response.destroy());
  // A client that has gone holds nobody up: whoever writes here goes on, and what it writes is lost.
  const gone = () => sink.destroy();
  if (response.closed) gone();
  else response.once("close", gone);
  return sink;
}
