import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const main = join(import.meta.dirname, "../main.ts");

for (const tls of ["auto", "off"]) {
  test(`D4: an agent that others could reach without TLS does not start, ESB_AGENT_TLS=${tls}`, () => {
    const env = { ...process.env, ESB_AGENT_ADDRESS: "0.0.0.0:50051", ESB_AGENT_TLS: tls };
    const { status, stderr } = spawnSync(process.execPath, [main], { env, encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /^agent: .*ESB_AGENT_ADDRESS=0.0.0.0:50051 is neither a loopback address nor a unix socket/);
    assert.ok(!stderr.includes("    at "), stderr);
  });
}
