import { Client } from "undici";
import type { TestEsb } from "../../test/support/esb.ts";
import { differenceRow, type Row, timed } from "../samples.ts";

const batch = 250;
const atMostMs = 0.3;

/** One client through the gateway: a function that asks the Runtime API, against one that takes invocations itself. */
export async function runtimeApi(esb: TestEsb, requests = 5000): Promise<Row> {
  const client = new Client(esb.url);
  const send = async (name: string) => {
    const path = `/2015-03-31/functions/${name}/invocations`;
    const answer = await client.request({ path, method: "POST", body: "{}" });
    const body = await answer.body.text();
    if (body !== '{"ok":true}') throw new Error(`${name} answered ${body}`);
  };
  const ours: number[] = [];
  const reference: number[] = [];
  for (let done = -batch; done < requests; done += batch) {
    for (const [name, samples] of [
      ["static", reference],
      ["runtime", ours],
    ] as const) {
      for (let index = 0; index < batch; index += 1) {
        const milliseconds = await timed(() => send(name));
        // The first batch only warms up.
        if (done >= 0) samples.push(milliseconds);
      }
    }
  }
  await client.close();
  return differenceRow(
    {
      name: "runtimeApi",
      what: `Runtime API: one client, keep-alive, p50 of ${requests}`,
      against: "a worker that takes invocations over plain HTTP",
      ours,
      reference,
    },
    atMostMs,
  );
}
