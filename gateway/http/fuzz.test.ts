import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { openRaw, parseAnswers } from "../testing/raw.ts";
import { type RoutesHarness, startRoutes } from "../testing/routes.ts";

/** A seed of its own for each day would make failures that nobody can repeat. */
const seed = 4;
const requestTimeoutMs = 250;
/** Any connection of the fuzz ends by itself within this time, on a busy machine too. */
const endsWithinMs = 10_000;

let harness: RoutesHarness;
before(async () => {
  harness = await startRoutes(
    'routes: [{ path: "/{proxy+}", method: ANY, function: hello, auth: none, payload: "2.0" }]',
    { ESB_REQUEST_TIMEOUT_MS: String(requestTimeoutMs) },
  );
});
after(() => harness[Symbol.asyncDispose]());

interface Sent {
  readonly text: string;
  /** What is answered when nothing is changed. */
  readonly answer: string;
}

const lambda = "/2015-03-31/functions/hello/invocations";
const ending = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
const hidden = "GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n";

const chunksOf = (body: string, size: number) =>
  `${(body.match(new RegExp(`[^]{1,${size}}`, "g")) ?? []).map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join("")}0\r\n\r\n`;

const requests: fc.Arbitrary<Sent> = fc.oneof(
  fc.constant({ text: "GET /health HTTP/1.1\r\nhost: x\r\n\r\n", answer: '{"status":"ok"}' }),
  fc.nat().map((number) => ({
    text: `POST ${lambda} HTTP/1.1\r\nHost: x\r\nContent-Length: ${String(number).length}\r\n\r\n${number}`,
    answer: String(number),
  })),
  fc.record({ number: fc.nat(), size: fc.integer({ min: 1, max: 20 }) }).map(({ number, size }) => {
    const body = JSON.stringify({ number, hidden });
    return {
      text: `POST ${lambda} HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunksOf(body, size)}`,
      answer: body,
    };
  }),
);

const fragments = [
  ..."\r\n\0 :\t;,/?#%@[]{}\"'\\\x7f\x80\xff0129afAFxX-+",
  ...["\r\n", "\n\n", "\r\n\r\n", "\r\n ", "HTTP/1.0", "HTTP/2.0", "Content-Length: 1\r\n", "Content-Length: 0\r\n"],
  ...[
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: x\r\n",
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
  ],
  ...[
    "Upgrade: h2c\r\nConnection: upgrade\r\n",
    "Host: y\r\n",
    "0\r\n\r\n",
    "ffffffffffffffff",
    ";a=b",
    hidden,
    "%00",
    "..",
    "//",
  ],
];
interface Change {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}
const changes: fc.Arbitrary<Change> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  remove: fc.integer({ min: 0, max: 3 }),
  insert: fc.oneof(fc.constant(""), fc.constantFrom(...fragments), fc.string({ unit: "binary", maxLength: 3 })),
});

function changed(text: string, { at, remove, insert }: Change): string {
  const from = Math.floor(at * text.length);
  return text.slice(0, from) + insert + text.slice(from + remove);
}

test("G7: fuzz of broken HTTP: each connection ends, nothing is a 500, and no answer is to what was not sent", {
  timeout: 300_000,
}, async () => {
  const run = fc.asyncProperty(
    fc.array(requests, { maxLength: 2 }),
    requests,
    fc.array(changes, { maxLength: 3 }),
    fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
    async (good, broken, given, cuts) => {
      harness.agent.handler = (_request, response, event) => response.end(event);
      const spoilt = given.reduce(changed, broken.text);
      const bytes = Buffer.from(`${good.map(({ text }) => text).join("")}${spoilt}${ending}`, "latin1");
      using connection = openRaw(harness.url);
      const places = cuts.map((cut) => Math.floor(cut * bytes.length)).sort((a, b) => a - b);
      for (const [index, place] of [...places, bytes.length].entries()) {
        connection.write(bytes.subarray(places[index - 1] ?? 0, place));
        await setImmediate();
      }
      const late = AbortSignal.timeout(endsWithinMs);
      await Promise.race([
        connection.closed,
        new Promise((_resolve, reject) => late.addEventListener("abort", () => reject(new Error("it hangs")))),
      ]);
      const answers = parseAnswers(connection.received()).filter(({ status }) => status >= 200);
      const heads = bytes.toString("latin1").split(/HTTP\/1\.[01]/).length - 1;
      // One more is the refusal of what is no request.
      assert.ok(answers.length <= heads + 1, "more answers than requests");
      assert.ok(answers.filter(({ status }) => status < 300).length <= heads);
      for (const { status } of answers) assert.ok(status < 500, `a ${status}`);
      for (const [index, { answer }] of good.entries()) {
        if (index < answers.length - 1) assert.equal(answers[index]?.body, answer);
      }
      if (given.length === 0)
        assert.deepEqual(
          answers.map(({ body }) => body),
          [...good, broken].map(({ answer }) => answer).concat('{"status":"ok"}'),
        );
      const refusal = answers.findIndex(({ head }) => /^connection: close$/im.test(head));
      assert.ok(refusal < 0 || refusal === answers.length - 1, "an answer behind the last");
    },
  );
  await fc.assert(run, { seed, numRuns: 300 });
  harness.agent.handler = (_request, response, event) => response.end(event);
  assert.equal((await harness.invoke("hello", "1")).body, "1");
});

const pathParts = fc.array(
  fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 8 })
    .filter((part) => part !== "." && part !== ".." && part.isWellFormed()),
  { minLength: 1, maxLength: 4 },
);
const words = fc.string({ unit: "grapheme", maxLength: 8 }).filter((text) => text.isWellFormed());
const headerValues = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/);

test("G5, G7: fuzz of whole requests: what the function gets decodes to what was sent, and what it says comes back", {
  timeout: 300_000,
}, async () => {
  const run = fc.asyncProperty(
    fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE"),
    pathParts,
    fc.array(
      fc.tuple(
        words.filter((name) => name !== ""),
        words,
      ),
      { maxLength: 4 },
    ),
    fc.dictionary(fc.stringMatching(/^x-[a-z]{1,8}$/), headerValues, { maxKeys: 4 }),
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      words.map((text) => Buffer.from(text)),
    ),
    async (method, parts, query, headers, body) => {
      const answer = { statusCode: 200, isBase64Encoded: true, body: body.toString("base64") };
      let bytes: Buffer = Buffer.alloc(0);
      harness.agent.handler = (_request, response, given) => {
        bytes = given;
        response.end(JSON.stringify(answer));
      };
      const path = parts.map(encodeURIComponent).join("/");
      const search = query.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
      const sent = { ...headers, "content-length": String(body.length) };
      const told = await harness.request(method, `/${path}${search === "" ? "" : `?${search}`}`, sent, body);
      assert.equal(told.status, 200, told.body);
      assert.equal(told.body, body.toString());
      const event = JSON.parse(bytes.toString()) as {
        rawQueryString: string;
        headers: Record<string, string>;
        pathParameters: { proxy: string };
        body?: string;
        isBase64Encoded: boolean;
      };
      const received = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8");
      assert.ok(received.equals(body));
      assert.deepEqual([...new URLSearchParams(event.rawQueryString)], query);
      for (const [name, value] of Object.entries(headers)) assert.equal(event.headers[name], value);
      assert.equal(event.pathParameters.proxy, parts.join("/"));
    },
  );
  await fc.assert(run, { seed, numRuns: 150 });
});
