import { Client } from "undici";
import { createContainerdClient } from "../../agent/containerd/client.ts";
import type { TestEsb } from "../../test/support/esb.ts";
import { type Row, ratioRow, timed } from "../samples.ts";
import { owner, ownWorkerId, staticFunction, untilFrozen } from "../setting.ts";

/** A request through the gateway to a frozen worker, against nothing but containerd's Resume. */
export async function thaw(esb: TestEsb, rounds = 100): Promise<Row> {
  using containerd = createContainerdClient({ address: esb.containerd.address, namespace: esb.namespace });
  const client = new Client(esb.url);
  const invoke = async () => {
    const answer = await client.request({
      path: "/2015-03-31/functions/static/invocations",
      method: "POST",
      body: "{}",
    });
    if (answer.statusCode !== 200) throw new Error(`answer ${answer.statusCode}: ${await answer.body.text()}`);
    await answer.body.dump();
  };
  const ours: number[] = [];
  const reference: number[] = [];
  const containerId = ownWorkerId("bare");
  await esb.workers.ensure({ function: staticFunction("bare"), slot: 0, owner });
  await invoke();
  for (let round = 0; round < rounds; round += 1) {
    await containerd.tasks.pause({ containerId });
    reference.push(await timed(() => containerd.tasks.resume({ containerId })));
    await untilFrozen(esb, "static-0");
    ours.push(await timed(invoke));
  }
  await esb.workers.destroy({ workerId: containerId });
  await client.close();
  const what = `thaw: request through the gateway to a frozen worker, p50 of ${rounds}`;
  return ratioRow({ name: "thaw", what, against: "a bare Task.Resume over gRPC", ours, reference }, 1.3);
}
