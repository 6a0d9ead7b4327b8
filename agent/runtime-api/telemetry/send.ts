import { Agent, request } from "node:http";

/**
 * Posts batches to an extension's own server, over one connection. A batch that cannot be delivered is lost, as on AWS;
 * one for a frozen worker stays with the kernel until that thaws.
 */
export function sender(host: string, port: number, path: string): (body: string) => Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return (body) =>
    new Promise((resolve) => {
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
      const sent = request({ agent, host, port, path, method: "POST", headers }, (response) => {
        response.resume();
        response.on("close", resolve);
      });
      sent.on("error", () => resolve());
      sent.end(body);
    });
}
