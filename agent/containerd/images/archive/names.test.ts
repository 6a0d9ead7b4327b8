import assert from "node:assert/strict";
import { test } from "node:test";
import { type FoundImage, nameImages } from "./names.ts";

const image = (name: string | undefined, digest = "sha256:a"): FoundImage => ({
  name,
  target: { mediaType: "m", digest, size: 1 },
});

const table: [what: string, found: FoundImage[], given: string | undefined, names: string[] | RegExp][] = [
  ["its own name, completed", [image("x/y:1")], undefined, ["docker.io/x/y:1"]],
  [
    "several images",
    [image("a:1"), image("b:1", "sha256:b")],
    undefined,
    ["docker.io/library/a:1", "docker.io/library/b:1"],
  ],
  ["a given name counts more", [image("a:1")], "g/h:1", ["g/h:1"]],
  ["two names of one image become the given one", [image("a:1"), image("a:2")], "g/h:1", ["g/h:1"]],
  ["a given name for several images", [image("a:1"), image("b:1", "sha256:b")], "g/h:1", /holds 2 images/],
  ["no name", [image(undefined)], undefined, /give it a name/],
  ["a bad name", [image("../x")], undefined, /names its image badly/],
  ["nothing", [], "g/h:1", /holds no image/],
];

for (const [what, found, given, names] of table) {
  test(what, () => {
    const name = () => nameImages(found, given).map((named) => named.name);
    if (names instanceof RegExp) assert.throws(name, { code: "IMAGE_INVALID", message: names });
    else assert.deepEqual(name(), names);
  });
}
