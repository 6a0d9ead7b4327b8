import { Client } from "undici";
import type { TestEsb } from "../../test/support/esb.ts";
import { differenceRow, type Row, timed } from "../samples.ts";

const invocationPath = "/2015-03-31/functions/static/invocations";
const batch = 250;
const atMostMs = 0.3;

/** One client with one connection through the gateway, against the same client straight to the worker. */
export async function warm(esb: TestEsb, requests = 5000): Promise<Row> {
  await (await esb.invoke("static")).arrayBuffer();
  const { workers } = await esb.workers.list({});
  const worker = workers.find(({ id }) => id === "static-0");
  const gateway = new Client(esb.url);
  const direct = new Client(`http://${worker?.host}:${worker?.port}`);
  const send = async (client: Client) => {
    const answer = await client.request({ path: invocationPath, method: "POST", body: "{}" });
    await answer.body.dump();
  };
  const ours: number[] = [];
  const reference: number[] = [];
  for (let done = -batch; done < requests; done += batch) {
    for (const [client, samples] of [
      [direct, reference],
      [gateway, ours],
    ] as const) {
      for (let index = 0; index < batch; index += 1) {
        const milliseconds = await timed(() => send(client));
        // The first batch only warms up.
        if (done >= 0) samples.push(milliseconds);
      }
    }
  }
  await Promise.all([gateway.close(), direct.close()]);
  return differenceRow(
    {
      name: "warm",
      what: `warm: one client, keep-alive, p50 of ${requests}`,
      against: "the same client straight to the worker",
      ours,
      reference,
    },
    atMostMs,
  );
}
