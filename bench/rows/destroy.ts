import { delay } from "../../common/delay.ts";
import type { TestEsb } from "../../test/support/esb.ts";
import { staticServerImage } from "../../test/support/images.ts";
import { type Row, ratioRow, timed } from "../samples.ts";
import { owner, ownWorkerId, staticFunction } from "../setting.ts";

/** Everything of a worker gone, network included, against the three `ctr` commands, without network. */
export async function destroy(esb: TestEsb, rounds = 30): Promise<Row> {
  const ours: number[] = [];
  const reference: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const id = `reference-${round}`;
    await esb.ctr("run", "-d", staticServerImage, id);
    reference.push(
      await timed(async () => {
        await esb.ctr("tasks", "kill", id);
        await removeTask(esb, id);
        await esb.ctr("containers", "rm", id);
      }),
    );
    await esb.workers.ensure({ function: staticFunction("gone"), slot: 0, owner });
    ours.push(await timed(() => esb.workers.destroy({ workerId: ownWorkerId("gone") })));
    await delay(150);
  }
  const what = `destroy, p50 of ${rounds}`;
  return ratioRow(
    { name: "destroy", what, against: "`ctr tasks kill`, `tasks rm`, `containers rm`", ours, reference },
    1.0,
  );
}

/** `ctr tasks rm` refuses while the task has not ended yet. */
async function removeTask(esb: TestEsb, id: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await esb.ctr("tasks", "rm", id);
      return;
    } catch (error) {
      if (attempt === 50) throw error;
    }
  }
}
