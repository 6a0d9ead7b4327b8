import assert from "node:assert/strict";
import { test } from "node:test";
import { type Descriptor, mediaTypes } from "./oci.ts";
import { currentPlatform, matchesPlatform, platformText, rankByPlatform } from "./platform.ts";

const entry = (platform: string | undefined): Descriptor => {
  const [os = "", architecture = "", variant] = platform?.split("/") ?? [];
  const described = platform === undefined ? {} : { platform: { os, architecture, ...(variant ? { variant } : {}) } };
  return { mediaType: mediaTypes.manifest, digest: `sha256:${"0".repeat(64)}`, size: 1, ...described };
};

const table: [machine: string, offered: (string | undefined)[], order: (string | undefined)[]][] = [
  ["x64", ["linux/arm64", "linux/amd64"], ["linux/amd64"]],
  ["x64", ["linux/amd64/v3", "linux/amd64"], ["linux/amd64"]],
  ["x64", ["linux/amd64/v1"], ["linux/amd64/v1"]],
  ["x64", ["windows/amd64", "unknown/unknown"], []],
  ["x64", [undefined, "linux/amd64"], ["linux/amd64", undefined]],
  ["x64", [undefined], [undefined]],
  ["arm64", ["linux/amd64", "linux/arm64"], ["linux/arm64"]],
  ["arm64", ["linux/arm/v7", "linux/arm64/v8"], ["linux/arm64/v8"]],
  ["arm64", ["linux/arm64/v9", "linux/arm64/v8"], ["linux/arm64/v8"]],
];

for (const [machine, offered, order] of table) {
  test(`${machine} of ${offered} takes ${order}`, () => {
    const ranked = rankByPlatform(offered.map(entry), currentPlatform(machine));
    assert.deepEqual(
      ranked.map(({ platform }) => (platform ? platformText(platform) : undefined)),
      order,
    );
  });
}

test("a config without a variant runs where its architecture does", () => {
  assert.ok(matchesPlatform({ os: "linux", architecture: "arm64" }, currentPlatform("arm64")));
  assert.ok(!matchesPlatform({ os: "linux", architecture: "arm64" }, currentPlatform("x64")));
});
