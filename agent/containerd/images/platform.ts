import type { Descriptor, OciPlatform } from "./oci.ts";

/** Platform of this machine in Go's words, as images name it. */
export function currentPlatform(architecture: string = process.arch): OciPlatform {
  if (architecture === "x64") return { os: "linux", architecture: "amd64" };
  if (architecture === "arm64") return { os: "linux", architecture: "arm64", variant: "v8" };
  return { os: "linux", architecture };
}

/**
 * Which of an index's entries to try, best first. An entry that names no platform comes last: only its config tells.
 * Entries for other platforms, and those that are no images (attestations are "unknown/unknown"), are left out.
 */
export function rankByPlatform(entries: readonly Descriptor[], wanted: OciPlatform): Descriptor[] {
  return entries
    .map((entry, index) => ({ entry, index, rank: rank(entry, wanted) }))
    .filter(({ rank }) => rank !== undefined)
    .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0) || a.index - b.index)
    .map(({ entry }) => entry);
}

function rank(entry: Descriptor, wanted: OciPlatform): number | undefined {
  if (!entry.platform) return 100;
  if (!matchesPlatform(entry.platform, wanted)) return undefined;
  return variantNumber(entry.platform);
}

/** Whether an image made for `offered` runs on `wanted`. */
export function matchesPlatform(offered: OciPlatform, wanted: OciPlatform): boolean {
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return false;
  return variantNumber(offered) <= variantNumber(wanted);
}

/** No variant is an architecture's base: v1 of amd64, v8 of arm64 (OCI image spec, image-index.md, variants). */
function variantNumber({ architecture, variant }: OciPlatform): number {
  const parsed = /^v(\d+)/.exec(variant ?? "")?.[1];
  if (parsed !== undefined) return Number(parsed);
  return architecture === "arm64" ? 8 : 1;
}

/** `linux/arm64/v8`, for messages. */
export function platformText({ os, architecture, variant }: OciPlatform): string {
  return [os, architecture, variant].filter((part) => part).join("/");
}
