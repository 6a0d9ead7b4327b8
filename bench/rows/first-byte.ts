import { Client } from "undici";
import type { TestEsb } from "../../test/support/esb.ts";
import { differenceRow, type Row } from "../samples.ts";

const batch = 100;
const atMostMs = 20;
const event = JSON.stringify("stamp");

/** From a worker's write until one client has what it wrote: of a stream through the gateway, and straight from a worker. */
export async function firstByte(esb: TestEsb, requests = 500): Promise<Row> {
  await (await esb.invoke("static")).arrayBuffer();
  const { workers } = await esb.workers.list({});
  const worker = workers.find(({ id }) => id === "static-0");
  const gateway = new Client(esb.url);
  const direct = new Client(`http://${worker?.host}:${worker?.port}`);
  const ours: number[] = [];
  const reference: number[] = [];
  for (let done = -batch; done < requests; done += batch) {
    for (const [client, path, samples] of [
      [direct, "/2015-03-31/functions/static/invocations", reference],
      [gateway, "/2021-11-15/functions/runtime/response-streaming-invocations", ours],
    ] as const) {
      for (let index = 0; index < batch; index += 1) {
        const milliseconds = await sinceWritten(client, path);
        // The first batch only warms up.
        if (done >= 0) samples.push(milliseconds);
      }
    }
  }
  await Promise.all([gateway.close(), direct.close()]);
  const row = differenceRow(
    {
      name: "firstByte",
      what: `streams: from the function's first write to its first byte at the client, p50 of ${requests}`,
      against: "the same client, straight from a worker that is an HTTP server",
      ours,
      reference,
    },
    atMostMs,
  );
  const within = ours.filter((milliseconds) => milliseconds <= atMostMs).length / ours.length;
  return { ...row, note: `${row.note}; ${(within * 100).toFixed(1)} % within ${atMostMs} ms` };
}

/** The worker says when it wrote: its monotonic clock is the kernel's, as ours is. */
async function sinceWritten(client: Client, path: string): Promise<number> {
  const answer = await client.request({ path, method: "POST", body: event });
  let receivedNs = 0n;
  let text = "";
  for await (const chunk of answer.body) {
    if (text === "") receivedNs = process.hrtime.bigint();
    text += chunk;
  }
  const [, written] = /\{"at":(\d{19})\}/.exec(text) ?? [];
  if (written === undefined) throw new Error(`${path} answered ${text}`);
  return Number(receivedNs - BigInt(written)) / 1e6;
}
