import { Agent, request } from "node:http";

export interface Sender {
  send(body: string): Promise<void>;
  /** Ends the connection, also in the middle of a batch: the address may be another worker's soon (S7). */
  stop(): void;
}

/** Nobody reads what an extension answers; one that answers without end is cut off. In bytes. */
const mostAnswerBytes = 64 * 1024;

/**
 * Posts batches to an extension's own server, over one connection. A batch that cannot be delivered is lost, as on AWS;
 * one for a frozen worker stays with the kernel until that thaws.
 */
export function sender(host: string, port: number, path: string): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const send = (body: string) =>
    new Promise<void>((resolve) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const sent = request({ agent, host, port, path, method: "POST", headers }, (response) => {
        let bytes = 0;
        response.on("data", (part: Buffer) => {
          bytes += part.length;
          if (bytes > mostAnswerBytes) response.destroy();
        });
        response.on("error", () => undefined);
      });
      sent.on("error", () => undefined);
      // Whatever came: an answer, a failure, or one that Node takes for neither (101).
      sent.on("close", resolve);
      sent.end(body);
    });
  return { send, stop: () => agent.destroy() };
}
