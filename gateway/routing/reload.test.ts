import assert from "node:assert/strict";
import { rename, unlink, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ConfigurationError } from "../../common/environment.ts";
import { until } from "../testing/harness.ts";
import { type RoutesHarness, startRoutes } from "../testing/routes.ts";

const functions = (...names: string[]) => `functions: { ${names.map((name) => `${name}: { image: x }`).join(", ")} }`;
const routes = (...names: string[]) =>
  `routes:\n${names.map((name) => `  - { path: /${name}, method: GET, function: ${name}, auth: none }\n`).join("")}`;

async function routingOf(harness: RoutesHarness): Promise<{ file: string; count: number; error?: string }> {
  return JSON.parse((await harness.get("/ready")).body).routing;
}

const status = async (harness: RoutesHarness, path: string) => (await harness.request("GET", path)).status;

test("G1 G3: a route is added without a restart; /ready shows file and count", async () => {
  await using harness = await startRoutes(routes("a"), {}, functions("a", "b"));
  assert.deepEqual(await routingOf(harness), { file: harness.routingFile, count: 1 });
  assert.equal(await status(harness, "/b"), 403);
  await writeFile(`${harness.routingFile}.new`, routes("a", "b"));
  await rename(`${harness.routingFile}.new`, harness.routingFile);
  await until(async () => (await routingOf(harness)).count === 2);
  assert.equal(await status(harness, "/b"), 200);
});

test("G3: broken or absent later: the last good routes hold, /ready says why, mending it mends it", async () => {
  await using harness = await startRoutes(routes("a"), {}, functions("a"));
  await writeFile(harness.routingFile, "routes:\n  - { path: a, method: GET, function: a }\n");
  await until(async () => (await routingOf(harness)).error !== undefined);
  const { error, count } = await routingOf(harness);
  assert.match(error ?? "", /routing\.yml:2:13: routes\.0\.path: must begin with \/$/);
  assert.equal(count, 1);
  assert.equal(await status(harness, "/a"), 200);
  await unlink(harness.routingFile);
  await until(async () => (await routingOf(harness)).error?.includes("cannot be read") === true);
  assert.equal(await status(harness, "/a"), 200);
  await writeFile(harness.routingFile, routes("a"));
  await until(async () => (await routingOf(harness)).error === undefined);
});

for (const [what, text, expected] of [
  ["a mistake", "routes: [{ path: /a }]", /routing\.yml:1:10: routes\.0\.method: must be a method/],
  [
    "a route to a function that there is not",
    routes("nobody"),
    /there is no function nobody in \S+functions\.yml; did you/,
  ],
] as const) {
  test(`G3: ${what} stops the start`, async () => {
    await assert.rejects(
      async () => void (await startRoutes(text)),
      (error: unknown) => error instanceof ConfigurationError && expected.test(error.message),
    );
  });
}

test("G3: a function is gone: its route fails as an integration does, others go on, /ready says so, until it is back", async () => {
  await using harness = await startRoutes(routes("a", "b"), {}, functions("a", "b"));
  assert.equal(await status(harness, "/b"), 200);
  await writeFile(harness.file, functions("a"));
  await until(async () => (await routingOf(harness)).error !== undefined);
  const { error, count } = await routingOf(harness);
  assert.match(
    error ?? "",
    /routing\.yml:3:40: routes\.1\.function: there is no function b in \S+functions\.yml; did you/,
  );
  assert.equal(count, 2);
  const gone = await harness.request("GET", "/b");
  assert.equal(gone.status, 500);
  assert.deepEqual(JSON.parse(gone.body), { message: "Internal server error" });
  assert.equal(await status(harness, "/a"), 200);
  await writeFile(harness.file, functions("a", "b"));
  await until(async () => (await routingOf(harness)).error === undefined);
  assert.equal(await status(harness, "/b"), 200);
});

test("G3: the route is there before its function: it holds as soon as the function is there, without a further change", async () => {
  await using harness = await startRoutes(routes("a"), {}, functions("a"));
  await writeFile(harness.routingFile, routes("a", "b"));
  await until(async () => (await routingOf(harness)).error?.includes("no function b") === true);
  await writeFile(harness.file, functions("a", "b"));
  await until(async () => (await routingOf(harness)).error === undefined);
  assert.equal(await status(harness, "/b"), 200);
});

test("G3: functions and routes change at nearly the same time, again and again: the last state is the good one", async () => {
  await using harness = await startRoutes(routes("a"), {}, functions("a"));
  for (let round = 0; round < 10; round++) {
    const name = `f${round}`;
    const write = [
      () => writeFile(harness.file, functions("a", name)),
      () => writeFile(harness.routingFile, routes("a", name)),
    ];
    if (round % 2 === 1) write.reverse();
    await Promise.all(write.map((one) => one()));
    await until(
      async () => (await status(harness, `/${name}`)) === 200 && (await routingOf(harness)).error === undefined,
    );
  }
});

test("G3: a request under way keeps the route it has found", async () => {
  await using harness = await startRoutes(routes("a"), {}, functions("a", "b", "c"));
  let finish: (() => void) | undefined;
  harness.agent.handler = (_request, response) => {
    finish = () => response.end('{"statusCode":201}');
  };
  const answer = status(harness, "/a");
  await until(() => finish !== undefined);
  await writeFile(harness.routingFile, routes("b", "c"));
  await until(async () => (await routingOf(harness)).count === 2);
  assert.equal(await status(harness, "/a"), 403);
  finish?.();
  assert.equal(await answer, 201);
});

test("G3: ESB_ROUTING=none: there are no routes", async () => {
  await using harness = await startRoutes(routes("a"), { ESB_ROUTING: "none" }, functions("a"));
  assert.deepEqual(await routingOf(harness), { file: "none", count: 0 });
  assert.equal(await status(harness, "/a"), 403);
});
