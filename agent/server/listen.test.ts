import assert from "node:assert/strict";
import { once } from "node:events";
import { access, mkdtempDisposable, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigurationError } from "../../common/environment.ts";
import { listenAt } from "./listen.ts";

const folder = () => mkdtempDisposable(join(tmpdir(), "esb-listen-"));
const notExpected = () => Promise.reject(new Error("not expected"));

test("a folder is made, and a socket that nobody listens at any more is removed", async () => {
  await using dir = await folder();
  const path = join(dir.path, "run", "agent.sock");
  const listened: string[] = [];
  await listenAt(`unix://${path}`, async (address) => listened.push(address));
  // Renamed, so that its end doesn't remove it: what a process that is killed leaves behind.
  const gone = createServer().listen(`${path}.tmp`);
  await once(gone, "listening");
  await rename(`${path}.tmp`, path);
  gone.close();
  await once(gone, "close");
  await access(path);
  await listenAt(`unix://${path}`, async (address) => listened.push(address));
  await assert.rejects(access(path), { code: "ENOENT" });
  assert.deepEqual(listened, [`unix://${path}`, `unix://${path}`]);
});

test("a socket that somebody listens at is left alone", async () => {
  await using dir = await folder();
  const path = join(dir.path, "agent.sock");
  const other = createServer().listen(path);
  await once(other, "listening");
  try {
    await assert.rejects(listenAt(`unix://${path}`, notExpected), (error: unknown) => {
      return error instanceof ConfigurationError && /ESB_AGENT_ADDRESS=.*somebody listens there/.test(error.message);
    });
    await access(path);
  } finally {
    other.close();
  }
});

test("a file that is no socket is left alone", async () => {
  await using dir = await folder();
  const path = join(dir.path, "agent.sock");
  await writeFile(path, "mine");
  await assert.rejects(listenAt(`unix://${path}`, notExpected), /ESB_AGENT_ADDRESS=.*no socket/);
  await access(path);
});

test("a port that is taken is the configuration's fault", async () => {
  const busy = () => Promise.reject(new Error("EADDRINUSE"));
  await assert.rejects(listenAt("127.0.0.1:50051", busy), (error: unknown) => {
    assert.ok(error instanceof ConfigurationError);
    assert.equal(error.message, "ESB_AGENT_ADDRESS=127.0.0.1:50051: cannot listen there: EADDRINUSE");
    return true;
  });
});
