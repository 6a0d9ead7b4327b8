import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { fetchBlob } from "./blob.ts";
import type { HttpResponse } from "./http.ts";

const blob = { digest: "sha256:x", sizeBytes: 6 };
const never = new AbortController().signal;

function response(status: number, pieces: string[], end: "end" | "cut"): HttpResponse {
  async function* body() {
    for (const piece of pieces) yield Buffer.from(piece);
    if (end === "cut") throw Object.assign(new Error("other side closed"), { code: "UND_ERR_SOCKET" });
  }
  const readable = Readable.from(body());
  return { status, headers: {}, host: "r", body: readable as unknown as HttpResponse["body"] };
}

async function collect(answers: HttpResponse[], offset = 0) {
  const asked: number[] = [];
  const repository = {
    host: "r",
    blob: async (_digest: string, from: number) => {
      asked.push(from);
      const answer = answers.shift();
      if (!answer) throw new Error("asked too often");
      return answer;
    },
  };
  let text = "";
  for await (const chunk of fetchBlob(repository, blob, offset, never)) text += chunk.toString();
  return { text, asked };
}

test("a blob in one piece", async () => {
  assert.deepEqual(await collect([response(200, ["abc", "def"], "end")]), { text: "abcdef", asked: [0] });
});

test("a cut connection goes on where it broke off", async () => {
  const answers = [response(200, ["abc"], "cut"), response(206, ["de"], "cut"), response(206, ["f"], "end")];
  assert.deepEqual(await collect(answers), { text: "abcdef", asked: [0, 3, 5] });
});

test("a registry without ranges sends it all anew, and nothing comes twice", async () => {
  const answers = [response(200, ["abcd"], "cut"), response(200, ["abc", "def"], "end")];
  assert.deepEqual(await collect(answers), { text: "abcdef", asked: [0, 4] });
});

test("a short answer is a cut", async () => {
  const answers = [response(200, ["abc"], "end"), response(206, ["def"], "end")];
  assert.deepEqual(await collect(answers), { text: "abcdef", asked: [0, 3] });
});

test("a longer answer than the blob is refused", async () => {
  await assert.rejects(collect([response(200, ["abcdefg"], "end")]), /more for sha256:x than its 6 bytes/);
});
