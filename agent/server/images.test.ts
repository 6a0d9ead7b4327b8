import assert from "node:assert/strict";
import { test } from "node:test";
import { Status } from "nice-grpc";
import type { ImportImageRequest, PullProgress } from "../../proto/gen/esb/agent/v1/agent.ts";
import { AgentError } from "../errors.ts";
import { until } from "../workers/service.fake.ts";
import type { Images, StoredImage } from "./images.ts";
import { testServer } from "./server.fake.ts";

const stored: StoredImage = { name: "localhost/hello:1", digest: "sha256:0", sizeBytes: 5n };
const images: Images = {
  importArchive: async () => [stored],
  pull: async () => stored,
  list: async () => [stored],
  remove: async (reference) => reference === stored.name,
};
const options = (name: string): ImportImageRequest => ({ content: { $case: "options", value: { name } } });
const chunk = (text: string): ImportImageRequest => ({ content: { $case: "chunk", value: Buffer.from(text) } });

async function* send(...messages: ImportImageRequest[]) {
  yield* messages;
}

test("an archive arrives in the order of its chunks, under the name asked for or its own", async () => {
  const imports: unknown[] = [];
  const importArchive: Images["importArchive"] = async (archive, name) => {
    let text = "";
    for await (const bytes of archive) text += Buffer.from(bytes);
    imports.push([name, text]);
    return [stored];
  };
  await using t = await testServer({ images: { ...images, importArchive } });
  const answer = await t.clients.images.importImage(send(options("mine"), chunk("ab"), chunk("c")));
  assert.deepEqual(answer.images, [stored]);
  await t.clients.images.importImage(send(options("")));
  assert.deepEqual(imports, [
    ["mine", "abc"],
    [undefined, ""],
  ]);
});

test("an import without options, or with them twice, is refused by the field's name", async () => {
  const importArchive: Images["importArchive"] = async (archive) => {
    for await (const _bytes of archive);
    return [stored];
  };
  await using t = await testServer({ images: { ...images, importArchive } });
  for (const [messages, details] of [
    [[], /^options: is required, first/],
    [[chunk("a")], /^options: is required, first/],
    [[options(""), options("")], /^chunk: is required/],
  ] as const) {
    const refused = t.clients.images.importImage(send(...messages));
    await assert.rejects(refused, (error: { code: Status; details: string }) => {
      return error.code === Status.INVALID_ARGUMENT && details.test(error.details);
    });
  }
});

test("a pull tells its progress, the newest where many came at once, and then the image", async () => {
  const progress = (fetched: bigint): PullProgress => ({
    totalBytes: 9n,
    fetchedBytes: fetched,
    layers: 1,
    layersUnpacked: 0,
  });
  const seen = Promise.withResolvers<void>();
  const pull: Images["pull"] = async (_reference, _signal, onProgress) => {
    onProgress(progress(1n));
    onProgress(progress(2n));
    await seen.promise;
    return stored;
  };
  await using t = await testServer({ images: { ...images, pull } });
  const events: unknown[] = [];
  for await (const { event } of t.clients.images.pullImage({ image: "localhost/hello:1" })) {
    events.push(event?.$case === "progress" ? event.value.fetchedBytes : event?.value);
    seen.resolve();
  }
  assert.deepEqual(events, [2n, stored]);
});

test("a pull that fails says why, and one whose client leaves is aborted", async () => {
  let aborted = false;
  const pull: Images["pull"] = (reference, signal, onProgress) => {
    if (reference === "broken") return Promise.reject(new AgentError("IMAGE_PULL_FAILED", "no route"));
    onProgress({ totalBytes: 9n, fetchedBytes: 1n, layers: 1, layersUnpacked: 0 });
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        aborted = true;
        reject(signal.reason);
      });
    });
  };
  await using t = await testServer({ images: { ...images, pull } });
  const broken = t.clients.images.pullImage({ image: "broken" })[Symbol.asyncIterator]().next();
  await assert.rejects(broken, { code: Status.UNAVAILABLE, details: "no route" });
  for await (const { event } of t.clients.images.pullImage({ image: "slow" })) {
    assert.equal(event?.$case, "progress");
    break;
  }
  await until(() => aborted);
});

test("W1: a reference that is none is refused by its field's name", async () => {
  const refuse = async () => {
    throw new AgentError("INVALID_REQUEST", '"A" is not an image reference');
  };
  await using t = await testServer({ images: { ...images, pull: refuse, remove: refuse } });
  t.runtime.at("image", refuse);
  const { workers, images: calls } = t.clients;
  const refusal = (field: string) => ({
    code: Status.INVALID_ARGUMENT,
    details: `${field}: "A" is not an image reference`,
  });
  await assert.rejects(calls.removeImage({ image: "A" }), refusal("image"));
  await assert.rejects(calls.pullImage({ image: "A" })[Symbol.asyncIterator]().next(), refusal("image"));
  const spec = { name: "hello", image: "A", memoryMib: 128, timeoutMs: 3000 };
  await assert.rejects(workers.ensure({ function: spec, owner: "gateway" }), refusal("function.image"));
});

test("images are listed and removed; removing what is not there succeeds", async () => {
  await using t = await testServer({ images });
  assert.deepEqual((await t.clients.images.listImages({})).images, [stored]);
  assert.equal((await t.clients.images.removeImage({ image: stored.name })).existed, true);
  assert.equal((await t.clients.images.removeImage({ image: "other" })).existed, false);
});
