import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");

/** What is looked at of a service; names are Compose's own. */
interface Service {
  readonly restart?: string;
  readonly privileged?: boolean;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly mem_limit?: string;
  readonly pids_limit?: number;
}

/** They end by themselves. */
const once = ["secrets", "certificates", "example", "functions"];

for (const file of ["compose.dind.yaml", "offline/compose.functions.yaml"]) {
  test(`D1 D4: in ${file}, whatever is not the node has limits, a read-only root and the documented rights`, async () => {
    const documented = await readFile(join(root, "docs/deployment.md"), "utf8");
    for (const [name, service] of await servicesIn(file)) {
      assert.equal(service.restart, once.includes(name) ? undefined : "unless-stopped", name);
      assert.equal(service.read_only, true, name);
      if (name === "node") continue;
      assert.match(service.mem_limit ?? "", /^\d+[mg]$/, name);
      assert.ok(Number(service.pids_limit) > 0, name);
      assert.deepEqual([service.privileged, service.cap_drop], [undefined, ["ALL"]], name);
      assert.ok(service.security_opt?.includes("no-new-privileges"), name);
      assert.deepEqual([...(service.cap_add ?? [])].sort(), rightsOf(name, documented), name);
    }
  });
}

async function servicesIn(file: string): Promise<[string, Service][]> {
  const text = await readFile(join(root, "deploy", file), "utf8");
  return Object.entries(parse(text, { merge: true }).services);
}

/** Capabilities in a container's rows of the table in docs/deployment.md; rows without a name are those of the last one. */
function rightsOf(name: string, documented: string): string[] {
  const [, rows = ""] = /\n\| container \|.*\n\|[-|]+\n((?:\|.*\n)+)/.exec(documented) ?? [];
  const found: string[] = [];
  let named = "";
  for (const row of rows.trim().split("\n")) {
    const [, containers = "", , has = ""] = row.split("|").map((cell) => cell.trim());
    named = containers === "" ? named : containers;
    if (!named.split(", ").includes(name)) continue;
    found.push(...[...has.matchAll(/`([A-Z_]+)`/g)].map(([, right = ""]) => right));
  }
  return found.sort();
}
