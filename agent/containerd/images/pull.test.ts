import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientError, Status } from "nice-grpc";
import { mediaTypes } from "./oci.ts";
import { type PullParts, pullImage } from "./pull.ts";
import { parseReference } from "./reference.ts";
import { registryAnswering } from "./registry/registry.fake.ts";

/** A store that takes everything and has nothing. */
const emptyStore = {
  leases: { create: async () => ({}), delete: async () => ({}) },
  content: {
    // biome-ignore lint/correctness/useYield: it fails before there is anything to yield
    async *read() {
      throw new ClientError("/containerd.services.content.v1.Content/Read", Status.NOT_FOUND, "not there");
    },
    async *write(requests: AsyncIterable<unknown>) {
      for await (const _request of requests) yield { offset: 0n };
    },
  },
} as unknown as PullParts["client"];

test("a config that is said to be larger than any document is not fetched into memory", async () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const config = { mediaType: mediaTypes.config, digest, size: 1024 ** 3 };
  const layers = [{ mediaType: mediaTypes.layer, digest, size: 1 }];
  const asked: string[] = [];
  await using registry = await registryAnswering((path, response) => {
    asked.push(path);
    response.end(JSON.stringify({ mediaType: mediaTypes.manifest, config, layers }));
  });
  const parts: PullParts = {
    client: emptyStore,
    unpacker: { isUnpacked: async () => false, unpack: async () => undefined },
    registry: { insecureRegistries: [registry.host], caFile: undefined, authFile: undefined },
    platform: { os: "linux", architecture: "amd64" },
  };
  const signal = AbortSignal.timeout(60_000);
  await assert.rejects(
    pullImage(parts, parseReference(`${registry.host}/a:1`), undefined, signal, () => undefined),
    {
      code: "IMAGE_INVALID",
      message: `${digest} should be a document but has 1073741824 bytes`,
    },
  );
  assert.deepEqual(
    asked.filter((path) => path.includes("/blobs/")),
    [],
  );
});
