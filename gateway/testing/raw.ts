import { connect, type Socket } from "node:net";
import { until } from "./harness.ts";

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** A connection on which a test writes what it likes. */
export interface RawConnection extends Disposable {
  readonly socket: Socket;
  /** All that has come, as text. */
  readonly received: () => string;
  /** Whether the gateway has ended it. */
  readonly closed: Promise<void>;
  write(...parts: (string | Buffer)[]): void;
  /** Resolves with the answers once there are so many; interim ones (1xx) count. */
  answers(count: number): Promise<readonly RawAnswer[]>;
}

export function openRaw(url: string): RawConnection {
  const { port } = new URL(url);
  const socket = connect({ host: "127.0.0.1", port: Number(port), allowHalfOpen: true });
  const chunks: Buffer[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => undefined);
  // Half-open, so that a test can go on sending; but what the gateway has ended is over.
  socket.once("end", () => resolve());
  socket.once("close", () => resolve());
  const received = () => Buffer.concat(chunks).toString("latin1");
  return {
    socket,
    received,
    closed,
    write: (...parts) => {
      for (const part of parts) socket.write(part);
    },
    async answers(count) {
      await until(() => parseAnswers(received()).length >= count);
      return parseAnswers(received());
    },
    [Symbol.dispose]: () => socket.destroy(),
  };
}

/** Sends and waits until the gateway closes. @returns all answers */
export async function sendRaw(url: string, ...parts: (string | Buffer)[]): Promise<readonly RawAnswer[]> {
  using connection = openRaw(url);
  connection.write(...parts);
  await connection.closed;
  return parseAnswers(connection.received());
}

/** The whole answers in a text; of one to HEAD, pass `heads`. @throws when something in it is no answer */
export function parseAnswers(text: string, heads = false): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\r\n\r\n", at);
    if (end < 0) break;
    const head = text.slice(at, end);
    const [, code] = /^HTTP\/1\.1 (\d{3}) /.exec(head) ?? [];
    if (code === undefined) throw new Error(`no answer: ${JSON.stringify(head.slice(0, 200))}`);
    const status = Number(code);
    const [, announced = "0"] = /^content-length: (\d+)$/im.exec(head) ?? [];
    const bytes = heads || status < 200 || status === 204 ? 0 : Number(announced);
    if (text.length < end + 4 + bytes) break;
    answers.push({ status, head, body: text.slice(end + 4, end + 4 + bytes) });
    at = end + 4 + bytes;
  }
  return answers;
}
