import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientError, Status } from "nice-grpc";
import type { Lease } from "../leases.ts";
import { chainIds } from "./chain.ts";
import type { SelectedImage } from "./documents.ts";
import { mediaTypes } from "./oci.ts";
import { createUnpacker, type UnpackClient } from "./unpack.ts";

const diffId = `sha256:${"d".repeat(64)}`;
const descriptor = { mediaType: mediaTypes.layer, digest: `sha256:${"a".repeat(64)}`, size: 1 };
const image = {
  manifest: { config: descriptor, layers: [descriptor] },
  config: { rootfs: { diff_ids: [diffId] } },
  chainIds: chainIds([diffId]),
} as unknown as SelectedImage;
const lease = (id: string) => ({ id, hold: async () => undefined, call: {} }) as unknown as Lease;

test("a layer that two wait for is unpacked under a lease of its own, which outlives the one who began it", async () => {
  const calls: string[] = [];
  const applying = Promise.withResolvers<void>();
  const applied = Promise.withResolvers<void>();
  const under = (options: { metadata?: { get(name: string): unknown } }) => options.metadata?.get("containerd-lease");
  let leaseId = "";
  const client = {
    leases: {
      create: async ({ id }: { id: string }) => {
        leaseId = id;
      },
      addResource: async ({ resource }: { resource: { type: string } }) => calls.push(`hold ${resource.type}`),
      delete: async ({ sync }: { sync: boolean }) => calls.push(`end ${sync ? "and collect" : "only"}`),
    },
    content: { update: async () => ({}) },
    snapshots: {
      stat: async () => {
        throw new ClientError("Stat", Status.NOT_FOUND, "not there");
      },
      prepare: async (_request: object, options: object) => {
        assert.equal(under(options), leaseId);
        return { mounts: [] };
      },
      commit: async () => calls.push("commit"),
    },
    diff: {
      apply: async () => {
        applying.resolve();
        await applied.promise;
        return { applied: { digest: diffId } };
      },
    },
  } as unknown as UnpackClient;
  const unpacker = createUnpacker(client, "overlayfs");
  const leaving = new AbortController();
  const first = unpacker.unpack(image, lease("first"), leaving.signal);
  await applying.promise;
  const second = unpacker.unpack(image, lease("second"), new AbortController().signal);
  // The second has joined once it has looked for the snapshot.
  await new Promise(setImmediate);
  leaving.abort(new Error("first went"));
  await assert.rejects(first, /first went/);
  assert.deepEqual(calls, ["hold content"]);
  applied.resolve();
  await second;
  assert.deepEqual(calls, ["hold content", "commit", "end only"]);
});
