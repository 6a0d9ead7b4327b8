import { AgentError } from "../../errors.ts";
import { mediaTypes } from "./oci.ts";

const layerType =
  /^application\/vnd\.(?:oci\.image\.layer(?:\.nondistributable)?\.v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[+.](gzip|zstd))?$/;

/** Compression of a layer by its media type. @throws AgentError IMAGE_INVALID when it is no layer that we know */
export function compressionOf(mediaType: string): "gzip" | "zstd" | "none" {
  const match = layerType.exec(mediaType);
  if (match === null) throw new AgentError("IMAGE_INVALID", `a layer of type ${mediaType} is not supported`);
  const name = match[1];
  return name === "gzip" || name === "zstd" ? name : "none";
}

/** The same kind of layer under the name that every containerd's diff service knows. */
export function applicableType(mediaType: string): string {
  const compression = compressionOf(mediaType);
  return compression === "none" ? mediaTypes.layer : `${mediaTypes.layer}+${compression}`;
}

/** Type of a layer by its first bytes: magic numbers of gzip (RFC 1952) and zstd (RFC 8878). */
export function typeByContent(head: Uint8Array): string {
  if (head[0] === 0x1f && head[1] === 0x8b) return `${mediaTypes.layer}+gzip`;
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return `${mediaTypes.layer}+zstd`;
  return mediaTypes.layer;
}
