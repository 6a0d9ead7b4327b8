import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { type Harness, startHarness } from "../testing/harness.ts";

const run = promisify(execFile);

let stack: AsyncDisposableStack;
let harness: Harness;
let authority: string;
before(async () => {
  stack = new AsyncDisposableStack();
  const dir = stack.use(await mkdtempDisposable(join(tmpdir(), "esb-tls-")));
  harness = stack.use(await startHarness({ ESB_TLS: "on", ESB_STATE_DIR: dir.path }));
  harness.agent.handler = (_request, response, event) => response.end(event);
  authority = join(dir.path, "gateway/tls/authority/certificate.pem");
});
after(() => stack.disposeAsync());

/** What curl says of an invocation: version, status, body. */
async function curl(...options: string[]): Promise<string> {
  const { stdout } = await run("curl", [
    ...[
      "--silent",
      "--show-error",
      "--max-time",
      "20",
      "--cacert",
      authority,
      "--write-out",
      " %{http_version} %{http_code}",
    ],
    ...["--data", '{"a":1}', ...options],
    `${harness.url}/2015-03-31/functions/hello/invocations`,
  ]);
  return stdout;
}

const versions: ReadonlyArray<readonly [string, readonly string[], string]> = [
  ["HTTP/2 by ALPN over TLS 1.3", ["--http2", "--tlsv1.3"], "2"],
  ["HTTP/2 by ALPN over TLS 1.2", ["--http2", "--tlsv1.2", "--tls-max", "1.2"], "2"],
  ["HTTP/1.1 by ALPN over TLS 1.3", ["--http1.1", "--tlsv1.3"], "1.1"],
  ["HTTP/1.1 without ALPN over TLS 1.2", ["--no-alpn", "--http1.1", "--tls-max", "1.2"], "1.1"],
];
for (const [what, options, version] of versions) {
  test(`G7: curl, which trusts our authority, invokes with ${what}`, async () => {
    assert.equal(await curl(...options), `{"a":1} ${version} 200`);
  });
}

test("G7: the certificate holds for localhost and ::1 too, and for no other name", async () => {
  const { port } = new URL(harness.url);
  const named = (name: string) => [
    "--connect-to",
    `${name}:${port}:127.0.0.1:${port}`,
    `https://${name}:${port}/health`,
  ];
  const get = (name: string) =>
    run("curl", ["--silent", "--show-error", "--max-time", "20", "--cacert", authority, ...named(name)]);
  assert.equal((await get("localhost")).stdout, '{"status":"ok"}');
  await assert.rejects(get("elsewhere.example"), /60|SSL/);
});

test("G7: TLS 1.1 and protocols that are none of ours are refused in the handshake", async () => {
  const { host } = new URL(harness.url);
  const shake = (...options: string[]) =>
    run("openssl", ["s_client", "-connect", host, ...options], { timeout: 20_000 });
  const legacy = ["-cipher", "DEFAULT:@SECLEVEL=0"];
  await assert.rejects(shake("-tls1_1", ...legacy), /alert protocol version|no protocols available/);
  await assert.rejects(shake("-alpn", "spdy/3"), /no application protocol/);
});

test("G7: plain HTTP at a port that speaks TLS is no answer, and the port goes on", async () => {
  await assert.rejects(fetch(harness.url.replace("https:", "http:")));
  assert.equal((await harness.get("/health")).status, 200);
});
