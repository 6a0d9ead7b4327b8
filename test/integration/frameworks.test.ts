import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startEsb, type TestEsb } from "../support/esb.ts";
import { type AppName, appNames, apps, functions, routes } from "../support/frameworks/apps.ts";
import { type WireAnswer, WireClient } from "../support/frameworks/client.ts";
import { type Difference, differences, type Format } from "../support/frameworks/compare.ts";
import { type DirectServers, serveDirectly } from "../support/frameworks/direct.ts";
import { frameworksArchive } from "../support/frameworks/image.ts";
import { knownDifferences } from "../support/frameworks/known.ts";
import { requests } from "../support/frameworks/requests.ts";

/** Applications on frameworks of others, in real workers behind routes, against themselves without Lambda (G5, L1). */

let esb: TestEsb;
let direct: DirectServers;
let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "esb-frameworks-"));
  const routingFile = join(dir, "routing.yml");
  await writeFile(routingFile, routes);
  direct = await serveDirectly(appNames);
  const settings = { ESB_ROUTING: routingFile, ESB_FREEZE_AFTER_MS: "300" };
  esb = await startEsb({ archives: [await frameworksArchive()], functions, settings });
});
after(async () => {
  await esb?.[Symbol.asyncDispose]();
  await direct?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

interface Finding extends Difference {
  readonly request: string;
}

/** Sends all requests to an application, directly and through its worker. */
async function compare(app: AppName, format: Format) {
  using client = new WireClient();
  const findings: Finding[] = [];
  const starts: (string | undefined)[] = [];
  for (const { name, mayFail, ...request } of requests) {
    const asked = { ...request, path: `/${app}/${format}${request.path}` };
    const expected = await client.send(direct.ports[app] ?? 0, asked);
    assert.ok(mayFail || expected.status < 400, `${name}: the application itself says ${expected.status}`);
    const got = await client.send(Number(new URL(esb.url).port), asked);
    starts.push(startOf(got));
    findings.push(...differences(format, expected, got).map((found) => ({ request: name, ...found })));
  }
  return { findings, starts };
}

function startOf({ headers }: WireAnswer): string | undefined {
  return headers.find(([name]) => name === "x-esb-start")?.[1];
}

for (const app of appNames) {
  for (const format of ["v1", "v2"] as const) {
    const state = format === "v1" ? "cold" : "frozen";
    test(`G5: ${apps[app]}, payload ${format}, ${state}: each answer is the one that it gives directly`, async () => {
      if (format === "v2") await esb.waitForTask(`${app}-0`, "PAUSED");
      const { findings, starts } = await compare(app, format);
      assert.equal(starts[0], format === "v1" ? "cold" : "thawed");
      assert.ok(starts.includes("warm"));

      const known = knownDifferences
        .filter(({ apps, formats }) => apps.includes(app) && formats.includes(format))
        .flatMap(({ requests, what }) => requests.map((request) => `${request}: ${what}`));
      const told = findings.map(({ request, what }) => `${request}: ${what}`);
      const unknown = findings.filter(({ request, what }) => !known.includes(`${request}: ${what}`));
      assert.deepEqual(unknown, [], "differs, and is not in known.ts");
      assert.deepEqual([...told].sort(), [...known].sort(), "is in known.ts, and no longer differs");
    });
  }
}
