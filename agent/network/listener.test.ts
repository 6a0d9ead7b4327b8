import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, test } from "node:test";
import { isListener, listenersOn } from "./listener.ts";

const children: ChildProcess[] = [];
afterEach(() => {
  // With what each started: it is the first of a group of its own.
  for (const { pid } of children.splice(0)) if (pid !== undefined) process.kill(-pid, "SIGKILL");
});

const listen = `const server = require("node:net").createServer().listen(0, "127.0.0.1", () => console.log(server.address().port))`;

/** Starts a program and gives its first line. */
async function start(...command: [string, ...string[]]): Promise<{ pid: number; line: string }> {
  const child = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "inherit"], detached: true });
  children.push(child);
  const [line] = await once(child.stdout, "data");
  return { pid: child.pid ?? 0, line: String(line).trim() };
}

for (const host of ["127.0.0.1", "0.0.0.0", "::"]) {
  test(`S7: who listens on ${host} is told from who does not`, async () => {
    const server = createServer().listen(0, host);
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const other = await start("sh", "-c", "echo started; exec sleep 60");
    assert.equal(await isListener(port, process.pid), true);
    assert.equal(await isListener(port, other.pid), false);
    server.close();
    await once(server, "close");
    assert.equal(await isListener(port, process.pid), false);
  });
}

test("S7: a process that its first one started counts as the worker's", async () => {
  const family = await start("sh", "-c", `"${process.execPath}" -e '${listen}' & wait`);
  assert.equal(await isListener(Number(family.line), family.pid), true);
  const alone = await start(process.execPath, "-e", listen);
  assert.equal(await isListener(Number(alone.line), family.pid), false);
});

test("of the kernel's table, only sockets that listen on the very port count", () => {
  const table = [
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
    "   0: 0100007F:4E20 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0 0 10 0",
    "   1: 0100007F:4E20 0100007F:8F2A 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 20 4 0 10 -1",
    "   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0 0 10 0",
  ].join("\n");
  assert.deepEqual(listenersOn(20_000, table), ["111"]);
  assert.deepEqual(listenersOn(80, table), ["333"]);
  assert.deepEqual(listenersOn(8080, table), []);
});
