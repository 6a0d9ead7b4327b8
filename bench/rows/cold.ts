import { request } from "undici";
import { delay } from "../../common/delay.ts";
import type { TestEsb } from "../../test/support/esb.ts";
import { staticServerImage } from "../../test/support/images.ts";
import { type Row, ratioRow, timed } from "../samples.ts";
import { owner, ownWorkerId, staticFunction } from "../setting.ts";

/** From nothing until the first answer, network included, against `ctr run` that only starts, without network. */
export async function cold(esb: TestEsb, rounds = 30): Promise<Row> {
  const ours: number[] = [];
  const reference: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const id = `reference-${round}`;
    reference.push(await timed(() => esb.ctr("run", "-d", staticServerImage, id)));
    await esb.ctr("tasks", "rm", "-f", id);
    await esb.ctr("containers", "rm", id);

    ours.push(
      await timed(async () => {
        const { worker } = await esb.workers.ensure({ function: staticFunction("cold"), slot: 0, owner });
        const answer = await request(`http://${worker?.host}:${worker?.port}/`, { method: "POST", body: "{}" });
        await answer.body.dump();
      }),
    );
    await esb.workers.destroy({ workerId: ownWorkerId("cold") });
    await delay(150);
  }
  const what = `cold: Ensure with network until the first answer, p50 of ${rounds}`;
  return ratioRow({ name: "cold", what, against: "`ctr run -d` without network", ours, reference }, 1.0);
}
