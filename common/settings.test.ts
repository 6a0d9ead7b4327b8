import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Setting } from "./settings/setting.ts";
import { settings } from "./settings.ts";

test("every table of the folder is part of the one table, and no setting stands in two of them", async () => {
  const folder = join(import.meta.dirname, "settings");
  const tables: Record<string, Setting>[] = [];
  for (const file of await readdir(folder)) {
    const exported = Object.entries(await import(join(folder, file)));
    for (const [name, table] of exported) if (name.endsWith("Settings")) tables.push(table as Record<string, Setting>);
  }
  const names = tables.flatMap((table) => Object.keys(table));
  assert.ok(names.length > 50);
  assert.deepEqual(names.toSorted(), Object.keys(settings).toSorted());
});
