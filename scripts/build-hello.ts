/** Assembles the image of the example function: .cache/images/hello.tar, unless it is there and up to date. */
import { join } from "node:path";
import { buildCached } from "./image/cached.ts";
import { helloImage } from "./image/hello.ts";

const path = join(import.meta.dirname, "../.cache/images/hello.tar");
const built = await buildCached(await helloImage(), path);
console.log(`${built ? "built" : "unchanged"}: ${path}`);
