import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isReserved, listReservations } from "./reservations.ts";

test("an address says whose it is; one that cannot be read is not taken for nobody's (S7)", async () => {
  const folder = await mkdtemp(join(tmpdir(), "esb-reservations-"));
  try {
    await writeFile(join(folder, "10.63.0.2"), "esb-01234567\r\neth0");
    await writeFile(join(folder, "10.63.0.3"), "");
    // As when there are no file descriptors left: it is there, and reading it fails.
    await mkdir(join(folder, "10.63.0.4"));
    await writeFile(join(folder, "last_reserved_ip.0"), "10.63.0.3");
    assert.deepEqual(
      (await listReservations(folder)).sort((a, b) => (a.address < b.address ? -1 : 1)),
      [
        { address: "10.63.0.2", id: "esb-01234567" },
        { address: "10.63.0.3", id: "" },
      ],
    );
    assert.deepEqual(await listReservations(join(folder, "absent")), []);
    const asked = [
      ["10.63.0.2", "esb-01234567"],
      ["10.63.0.2", "esb-89abcdef"],
      ["10.63.0.3", "esb-01234567"],
      ["10.63.0.5", "esb-01234567"],
    ] as const;
    const reserved = asked.map(([address, id]) => isReserved(folder, { address, id }));
    assert.deepEqual(await Promise.all(reserved), [true, false, false, false]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
