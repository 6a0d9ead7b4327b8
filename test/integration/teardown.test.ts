import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { createContainerdClient } from "../../agent/containerd/client.ts";
import { startContainerd, type TestContainerd } from "../support/containerd.ts";
import { staticServerArchive } from "../support/images.ts";
import { freeSubnet } from "../support/subnet.ts";

const program = join(import.meta.dirname, "../../agent/teardown.ts");
const namespace = `t${randomBytes(3).toString("hex")}`;

async function tearDown(containerd: TestContainerd, ...flags: string[]): Promise<string> {
  const environment = {
    ...process.env,
    ESB_CONTAINERD_ADDRESS: containerd.address,
    ESB_NAMESPACE: namespace,
    ESB_STATE_DIR: join(containerd.dir, "esb-state"),
    ESB_RUN_DIR: join(containerd.dir, "esb-run"),
    LAMBDA_NETWORK: namespace,
    ESB_SUBNET: (await freeSubnet()).subnet,
  };
  return (await promisify(execFile)(process.execPath, [program, ...flags], { env: environment })).stdout;
}

/** Gives an image a name that is no reference, which newer versions of `ctr` refuse to do. */
async function nameAnew({ address }: TestContainerd, image: string, name: string): Promise<void> {
  using client = createContainerdClient({ address, namespace });
  const { image: found } = await client.images.get({ name: image });
  await client.images.create({ image: { ...found, name } });
}

test("a purge removes images of any name and what a broken pull left, and may be repeated", async () => {
  await using containerd = await startContainerd();
  const ctr = (...args: string[]) => containerd.ctr("--namespace", namespace, ...args);
  await ctr("images", "import", await staticServerArchive());
  const image = (await ctr("images", "ls", "-q")).trim();
  await nameAnew(containerd, image, "Odd Name");
  await ctr("leases", "create", "--id", "esb-pull-1", "esb.io/lease=pull");
  const state = join(containerd.dir, "esb-state");
  await mkdir(state);
  for (const name of ["esb.db", "esb.db-wal", "esb.db.corrupt-1"]) await writeFile(join(state, name), "");

  await tearDown(containerd);
  assert.ok((await ctr("images", "ls", "-q")).includes("Odd Name"), "images stay without --purge");
  for (const _time of ["first", "second"]) {
    await tearDown(containerd, "--purge");
    assert.ok(!(await containerd.ctr("namespaces", "ls", "-q")).includes(namespace));
  }
  const left = await readdir(state);
  assert.deepEqual(
    left.filter((name) => name === "workers" || name.startsWith("esb.db")),
    [],
  );
});

test("without a containerd the rest is torn down", async () => {
  await using containerd = await startContainerd();
  await containerd.stop();
  assert.match(await tearDown(containerd, "--purge"), /no containerd/);
  await containerd.start();
});
