import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** Whether the kernel holds a container's processes frozen now, on cgroup v1 or v2. @throws when it has no cgroup */
export async function isFrozen(namespace: string, id: string): Promise<boolean> {
  const v1 = await readFile(`/sys/fs/cgroup/freezer/${namespace}/${id}/freezer.state`, "utf8").catch(() => undefined);
  if (v1 !== undefined) return v1.trim() === "FROZEN";
  return (await readFile(`/sys/fs/cgroup/${namespace}/${id}/cgroup.events`, "utf8")).includes("frozen 1");
}

/** Looks all the time, from now on; at its end it must have been frozen at every look. */
export function watchFrozen(namespace: string, id: string): { assertAlways(): Promise<void> } {
  let stopped = false;
  const looks: boolean[] = [];
  const looking = (async () => {
    while (!stopped) {
      looks.push(await isFrozen(namespace, id));
      await delay(2);
    }
  })();
  return {
    async assertAlways() {
      while (looks.length <= 50) await Promise.race([delay(2), looking]);
      stopped = true;
      await looking;
      assert.equal(looks.filter((frozen) => !frozen).length, 0, `${id} ran meanwhile`);
    },
  };
}
