import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { applicableType, compressionOf, typeByContent } from "./layer-types.ts";

const oci = "application/vnd.oci.image.layer.v1.tar";
const docker = "application/vnd.docker.image.rootfs.diff.tar";

const table: [type: string, compression: string, applied: string][] = [
  [oci, "none", oci],
  [`${oci}+gzip`, "gzip", `${oci}+gzip`],
  [`${oci}+zstd`, "zstd", `${oci}+zstd`],
  ["application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "gzip", `${oci}+gzip`],
  [docker, "none", oci],
  [`${docker}.gzip`, "gzip", `${oci}+gzip`],
  [`${docker}.zstd`, "zstd", `${oci}+zstd`],
];

for (const [type, compression, applied] of table) {
  test(type, () => {
    assert.equal(compressionOf(type), compression);
    assert.equal(applicableType(type), applied);
  });
}

test("what is no layer is refused", () => {
  for (const type of ["", "text/plain", `${oci}+encrypted`, "application/vnd.in-toto+json"]) {
    assert.throws(() => compressionOf(type), { code: "IMAGE_INVALID" });
  }
});

test("a layer is known by its first bytes", () => {
  assert.equal(typeByContent(gzipSync("x")), `${oci}+gzip`);
  assert.equal(typeByContent(zstdCompressSync("x")), `${oci}+zstd`);
  assert.equal(typeByContent(Buffer.from("etc/passwd")), oci);
  assert.equal(typeByContent(Buffer.alloc(0)), oci);
});
