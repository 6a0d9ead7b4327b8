import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { Sha256 } from "@aws-crypto/sha256-js";
import { SignatureV4 } from "@smithy/signature-v4";
import fc from "fast-check";
import { LambdaError } from "../../http/errors.ts";
import type { Caller, CallerRequest } from "./check.ts";
import { SigV4Check } from "./sigv4.ts";

const accessKeyId = "AKIAIOSFODNN7EXAMPLE";
const secretAccessKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const caller: Caller = { kind: "access-key", name: accessKeyId };
const nowMs = Date.parse("2026-05-01T12:00:00Z");
const body = Buffer.from('{"a":1}');

const check = new SigV4Check({
  region: "us-east-1",
  find: (id) => (id === accessKeyId ? { secret: secretAccessKey, caller } : undefined),
  epochMs: () => nowMs,
});
const signer = new SignatureV4({
  service: "lambda",
  region: "us-east-1",
  credentials: { accessKeyId, secretAccessKey },
  sha256: Sha256,
  applyChecksum: false,
});
const path = "/2015-03-31/functions/hello/invocations";
const plain = {
  method: "POST",
  protocol: "http:",
  hostname: "gateway",
  path,
  headers: { host: "gateway:8080", "content-type": "application/json" },
  body,
};

/** As the gateway gets it. */
function received({ headers, query }: { headers: object; query?: object }, more: object = {}): CallerRequest {
  const search = Object.entries(query ?? {}).map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  const url = search.length === 0 ? path : `${path}?${search.join("&")}`;
  return { method: "POST", url, headers: { ...headers, "content-length": "7", ...more }, remoteAddress: "192.0.2.1" };
}

async function admitted(request: CallerRequest, event = body): Promise<Caller | undefined> {
  const result = check.check(request);
  return typeof result === "function" ? await result(event) : result;
}

const refused = (name: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof LambdaError, String(error));
  assert.equal(error.name, name);
  assert.match(error.message, message);
  return true;
};
const mismatch = refused("InvalidSignatureException", /^The request signature we calculated does not match/);
const signedAt = (seconds: number, request: object = plain) =>
  signer.sign({ ...plain, ...request }, { signingDate: new Date(nowMs + seconds * 1000) });

test("L7: a signed request is its key's; one without signature is somebody else's to judge", async () => {
  assert.equal(await admitted(received(await signedAt(0))), caller);
  for (const headers of [{}, { authorization: "Bearer x" }, { authorization: "Basic x" }]) {
    assert.equal(check.check(received({ headers })), undefined);
  }
});

test("L7: headers that a proxy adds or that nobody signs change nothing", async () => {
  const more = { "x-forwarded-for": "192.0.2.7", via: "1.1 proxy", "user-agent": "x", connection: "close" };
  assert.equal(await admitted(received(await signedAt(0), more)), caller);
});

test("L7: another body, method, path or header is another request", async () => {
  const good = received(await signedAt(0));
  await assert.rejects(admitted(good, Buffer.from('{"a":2}')), mismatch);
  await assert.rejects(admitted({ ...good, method: "PUT" }), mismatch);
  await assert.rejects(admitted({ ...good, url: path.replace("hello", "other") }), mismatch);
  await assert.rejects(admitted({ ...good, url: `${path}?Qualifier=1` }), mismatch);
  await assert.rejects(admitted({ ...good, headers: { ...good.headers, host: "else" } }), mismatch);
});

test("L7: names of no header among the signed ones, also those that every object knows, are a mismatch", async () => {
  const good = received(await signedAt(0));
  for (const name of ["constructor", "__proto__", "x-absent"]) {
    const authorization = String(good.headers.authorization).replace("SignedHeaders=", `SignedHeaders=${name};`);
    await assert.rejects(admitted({ ...good, headers: { ...good.headers, authorization } }), mismatch);
  }
});

test("L7: a hash that is told must be the body's; UNSIGNED-PAYLOAD is none", async () => {
  for (const [told, ok] of [
    [createHash("sha256").update(body).digest("hex"), true],
    [createHash("sha256").update("else").digest("hex"), false],
    ["UNSIGNED-PAYLOAD", false],
    ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", false],
  ] as const) {
    const request = received(await signedAt(0, { headers: { ...plain.headers, "x-amz-content-sha256": told } }));
    if (ok) assert.equal(await admitted(request), caller);
    else await assert.rejects(admitted(request), mismatch);
  }
});

test("L7: what Lambda acts upon must be signed", async () => {
  const more = { "x-amz-invocation-type": "DryRun" };
  const unsigned = received(await signedAt(0), more);
  await assert.rejects(admitted(unsigned), refused("InvalidSignatureException", /not signed: x-amz-invocation-type$/));
  const host = received(
    await signer.sign(plain, { signingDate: new Date(nowMs), unsignableHeaders: new Set(["host"]) }),
  );
  await assert.rejects(admitted(host), refused("InvalidSignatureException", /not signed: host$/));
});

for (const [seconds, message] of [
  [-301, /^Signature expired: 20260501T115459Z is now earlier than 20260501T115500Z \(20260501T120000Z - 5 min\.\)$/],
  [301, /^Signature not yet current: 20260501T120501Z is still later than 20260501T120500Z/],
] as const) {
  test(`L7: clocks may differ by five minutes: ${seconds} s is too much`, async () => {
    await assert.rejects(admitted(received(await signedAt(seconds))), refused("InvalidSignatureException", message));
    assert.equal(await admitted(received(await signedAt(seconds - Math.sign(seconds)))), caller);
  });
}

const presigned = (seconds: number, expiresIn: number, request: object = {}) =>
  signer.presign({ ...plain, ...request }, { signingDate: new Date(nowMs + seconds * 1000), expiresIn });

test("L7: a presigned request holds as long as it says", async () => {
  assert.equal(await admitted(received(await presigned(0, 60))), caller);
  assert.equal(await admitted(received(await presigned(-3_600, 3_600))), caller);
  const expired = refused(
    "InvalidSignatureException",
    /^Signature expired: 20260501T120000Z is now later than 20260501T115959Z/,
  );
  await assert.rejects(admitted(received(await presigned(-61, 60))), expired);
  const early = refused("InvalidSignatureException", /^Signature not yet current/);
  await assert.rejects(admitted(received(await presigned(901, 3_600))), early);
  await assert.rejects(admitted(received(await presigned(0, 60)), Buffer.from("{}")), mismatch);
});

test("L7: a presigned request cannot be made to hold longer, nor be asked for another function", async () => {
  const good = received(await presigned(0, 60));
  await assert.rejects(admitted({ ...good, url: good.url.replace("Expires=60", "Expires=600") }), mismatch);
  await assert.rejects(admitted({ ...good, url: good.url.replace("hello", "other") }), mismatch);
  await assert.rejects(admitted({ ...good, url: `${good.url}&Qualifier=1` }), mismatch);
  for (const expires of ["604801", "0", "1e3", "-1", ""]) {
    await assert.rejects(admitted({ ...good, url: good.url.replace("Expires=60", `Expires=${expires}`) }), LambdaError);
  }
});

const good = await signedAt(0);
const authorization = good.headers.authorization ?? "";
for (const [what, changed, name, message] of [
  [
    "another region",
    authorization.replace("us-east-1", "eu-west-1"),
    "InvalidSignatureException",
    /^Credential should be scoped to a valid region/,
  ],
  [
    "another service",
    authorization.replace("/lambda/", "/s3/"),
    "InvalidSignatureException",
    /^Credential should be scoped to correct service: 'lambda'/,
  ],
  [
    "another day",
    authorization.replace("20260501/", "20260430/"),
    "InvalidSignatureException",
    /^Date in Credential scope does not match/,
  ],
  [
    "no credential",
    "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=x",
    "IncompleteSignatureException",
    /Credential must be/,
  ],
  [
    "no signed headers",
    authorization.replace(/SignedHeaders=[^,]+,/, ""),
    "IncompleteSignatureException",
    /'SignedHeaders'/,
  ],
  ["no signature", authorization.replace(/, Signature=.*/, ""), "IncompleteSignatureException", /'Signature'/],
  [
    "a signature that is none",
    authorization.replace(/Signature=.*/, "Signature=abc"),
    "IncompleteSignatureException",
    /'Signature'/,
  ],
  ["nothing at all", "AWS4-HMAC-SHA256 ", "IncompleteSignatureException", /Credential/],
] as const) {
  test(`L7: told as AWS tells it: ${what}`, async () => {
    const request = received(good, { authorization: changed });
    await assert.rejects(admitted(request), refused(name, message));
  });
}

test("L7: however a signed request is changed, it is refused and nothing breaks (fuzz)", async () => {
  const bytes = fc.constantFrom(..."abcXYZ019/=,;:&%+ \u00e9");
  const parts = ["authorization", "x-amz-date", "host", "content-type", "url"] as const;
  const change = fc.tuple(fc.constantFrom(...parts), fc.nat(), bytes, fc.boolean());
  const byQuery = await presigned(0, 60);
  await fc.assert(
    fc.asyncProperty(change, fc.boolean(), async ([part, position, byte, insert], presigned) => {
      const base = received(presigned ? byQuery : good);
      const before = part === "url" ? base.url : String(base.headers[part] ?? "");
      const at = position % (before.length + 1);
      const after = before.slice(0, at) + byte + before.slice(insert ? at : at + 1);
      fc.pre(meaning(after) !== meaning(before));
      const changed =
        part === "url" ? { ...base, url: after } : { ...base, headers: { ...base.headers, [part]: after } };
      fc.pre(presigned ? part !== "x-amz-date" && part !== "authorization" : true);
      const caught = await admitted(changed).then(
        (found) => (found === undefined ? "not ours" : "let in"),
        (error: unknown) => (error instanceof LambdaError ? "refused" : String(error)),
      );
      assert.ok(caught === "refused" || caught === "not ours", `${caught}: ${part} ${after}`);
    }),
    { numRuns: 500 },
  );
});

/** What the signature leaves open: white space at the ends, how the fields of the header are put apart, slashes that repeat. */
function meaning(text: string): string {
  return text
    .replace(/ +/g, "")
    .replace(/\/+/g, "/")
    .replace(/,+/g, ",")
    .replace(/&+/g, "&")
    .replace(/,$|&$/g, "")
    .toLowerCase();
}
