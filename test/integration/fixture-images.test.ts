import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { startContainerd } from "../support/containerd.ts";
import {
  busyboxArchive,
  helloArchive,
  helloImageName,
  probeArchive,
  probeImage,
  staticServer,
  staticServerArchive,
  staticServerImage,
} from "../support/images.ts";
import { newSince, takeSnapshot } from "../support/leaks.ts";

/** ctr's own default asks for a cgroup controller that a host with both cgroup versions may not have. */
const noWeight = ["--cpu-shares", "0"];

test("containerd imports our archives and runs what is in them", async () => {
  await using containerd = await startContainerd();
  const namespace = `esb-test-images-${process.pid}`;
  const ctr = (...args: string[]) => containerd.ctr("-n", namespace, ...args);
  for (const archive of [
    await staticServerArchive(),
    await probeArchive(),
    await helloArchive(),
    await busyboxArchive(),
  ]) {
    await ctr("images", "import", archive);
  }
  const images = (await ctr("images", "ls", "-q")).trim().split("\n");
  assert.deepEqual(
    images.sort(),
    ["localhost/esb-busybox:latest", helloImageName, probeImage, staticServerImage].sort(),
  );
  assert.equal(
    await ctr("run", ...noWeight, "--rm", probeImage, "one", "/bin/sh", "-c", "id -u sbx_user1051"),
    "993\n",
  );
  assert.equal(
    await ctr("run", ...noWeight, "--rm", helloImageName, "two", "/usr/local/bin/node", "-p", "40+2"),
    "42\n",
  );
});

test("a containerd with running and frozen containers leaves nothing behind, not even when it has crashed", async () => {
  const before = await takeSnapshot();
  const namespace = `esb-test-left-${process.pid}`;
  {
    await using containerd = await startContainerd();
    const ctr = (...args: string[]) => containerd.ctr("-n", namespace, ...args);
    await ctr("images", "import", await busyboxArchive());
    for (const id of ["runs", "frozen"]) {
      await ctr("run", ...noWeight, "-d", "localhost/esb-busybox:latest", id, "/bin/sleep", "1000");
    }
    await ctr("tasks", "pause", "frozen");
    await containerd.kill();
  }
  const left = newSince(before, await takeSnapshot());
  assert.deepEqual(
    left.filter((line) => line.includes(namespace)),
    [],
  );
});

test("the static server answers over kept connections, echoes, and ends on SIGTERM", async () => {
  const port = 20_000 + (process.pid % 10_000);
  const server = spawn(await staticServer(), { env: { PORT: String(port), ECHO: "1" }, stdio: "ignore" });
  try {
    await untilListening(port);
    const body = "x".repeat(6 * 1024 * 1024);
    assert.equal(await post(port, body), body);
    const chunks = new ReadableStream({
      start(controller) {
        for (const part of ["one ", "two"]) controller.enqueue(new TextEncoder().encode(part));
        controller.close();
      },
    });
    assert.equal(await post(port, chunks), "one two");
    assert.deepEqual(await Promise.all(["a", "b", "c"].map((text) => post(port, text))), ["a", "b", "c"]);
  } finally {
    const exited = once(server, "exit");
    server.kill("SIGTERM");
    assert.deepEqual(await exited, [0, null]);
  }
});

async function post(port: number, body: string | ReadableStream): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/any`, { method: "POST", body, duplex: "half" });
  return response.text();
}

async function untilListening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (
      await post(port, "").then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail("the static server does not answer");
}
