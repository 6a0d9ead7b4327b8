import { delay } from "../../common/delay.ts";
import type { TestEsb } from "../../test/support/esb.ts";
import { type Row, ratioRow, timed } from "../samples.ts";
import { names, owner, ownWorkerId, staticFunction } from "../setting.ts";

/** Cold starts of many functions at once, against one after the other. */
export async function burst(esb: TestEsb, count = 20, rounds = 3): Promise<Row> {
  const functions = names("burst", count);
  const start = (name: string) => esb.workers.ensure({ function: staticFunction(name), slot: 0, owner });
  const clear = async () => {
    for (const name of functions) await esb.workers.destroy({ workerId: ownWorkerId(name) });
    await delay(500);
  };
  const ours: number[] = [];
  const reference: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    reference.push(
      await timed(async () => {
        for (const name of functions) await start(name);
      }),
    );
    await clear();
    ours.push(await timed(() => Promise.all(functions.map(start))));
    await clear();
  }
  const what = `${count} cold starts of ${count} functions at once, none fails, p50 of ${rounds}`;
  return ratioRow({ name: "burst", what, against: `${count} × one after the other`, ours, reference }, 0.7);
}
