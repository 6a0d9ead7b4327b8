/** The least that a proxy in Node does; what the gateway's throughput is held against. Arguments: port, target. */
import { createServer } from "node:http";
import { pipeline } from "node:stream/promises";
import { Pool } from "undici";

const [port, target] = process.argv.slice(2);
if (port === undefined || target === undefined) throw new Error("usage: bare-proxy.ts PORT TARGET");
const pool = new Pool(target, { connections: 32 });

const server = createServer(async (incoming, outgoing) => {
  try {
    const answer = await pool.request({ path: incoming.url ?? "/", method: "POST", body: incoming });
    outgoing.writeHead(answer.statusCode, answer.headers);
    await pipeline(answer.body, outgoing);
  } catch {
    outgoing.destroy();
  }
});
server.listen(Number(port), "127.0.0.1", () => process.stdout.write("listening\n"));
