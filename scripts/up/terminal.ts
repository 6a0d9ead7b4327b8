/** Lines, and one line of progress that is written over; where output is no terminal, a line now and then. */
export interface Terminal {
  say(line: string): void;
  progress(text: string): void;
  /** Ends a line of progress. */
  finish(): void;
}

const plainEveryMs = 2000;

export function createTerminal(stream: NodeJS.WriteStream): Terminal {
  let open = false;
  let lastPlain = 0;
  const finish = () => {
    if (open) stream.write("\r\u001b[K");
    open = false;
  };
  return {
    finish,
    say(line) {
      finish();
      stream.write(`${line}\n`);
    },
    progress(text) {
      if (stream.isTTY) {
        stream.write(`\r${text}\u001b[K`);
        open = true;
        return;
      }
      if (performance.now() - lastPlain < plainEveryMs) return;
      lastPlain = performance.now();
      stream.write(`${text}\n`);
    },
  };
}
