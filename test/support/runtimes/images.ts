import { join } from "node:path";
import type { ImageDescription } from "../../../scripts/image/archive.ts";
import { buildCached } from "../../../scripts/image/cached.ts";
import { baseLayer, busyboxLayer, nodeRuntimeLayer } from "../../../scripts/image/layers.ts";
import { packagesLayer } from "../packages.ts";
import { installNodeClient, runtimesSource } from "./install.ts";
import { filesOf, programLayer } from "./programs.ts";

const cache = join(import.meta.dirname, "../../../.cache/images");

export const nodeClientImage = "localhost/esb-runtime-node:latest";
export const nodeCallerImage = "localhost/esb-runtime-caller:latest";
export const extensionImage = "localhost/esb-runtime-extension:latest";
export const providedImage = "localhost/esb-runtime-provided:latest";

/** Path of an archive with AWS's client for Node and handlers for it; a function's handler says which one it is. */
export async function nodeClientArchive(): Promise<string> {
  return archive("runtime-node", await nodeClient());
}

/** Path of an archive of the same with the AWS SDK, and a handler that calls functions with it. */
export async function nodeCallerArchive(): Promise<string> {
  const image = await nodeClient();
  const source = join(import.meta.dirname, "../../fixtures/caller/handler.mjs");
  const handler = { type: "copy", path: "/var/task/caller.mjs", source } as const;
  return archive("runtime-caller", {
    name: nodeCallerImage,
    config: { ...image.config, Cmd: ["caller.handler"] },
    layers: [...image.layers, await packagesLayer("@aws-sdk/client-lambda"), { entries: [handler] }],
  });
}

/** Path of an archive of AWS's client for Node with an external extension, to which a link of the image leads. */
export async function extensionArchive(): Promise<string> {
  const image = await nodeClient();
  const source = join(runtimesSource, "extension/witness");
  const program = { type: "copy", path: "/opt/witness/run", source, mode: 0o755 } as const;
  const extension = { type: "symlink", path: "/opt/extensions/witness", target: "/opt/witness/run" } as const;
  return archive("runtime-extension", {
    ...image,
    name: extensionImage,
    layers: [...image.layers, { entries: [program, extension] }],
  });
}

async function nodeClient(): Promise<ImageDescription> {
  const modules = await installNodeClient();
  return {
    name: nodeClientImage,
    config: {
      Entrypoint: ["/usr/local/bin/node", "/var/task/node_modules/aws-lambda-ric/index.mjs"],
      Cmd: ["worker.look"],
      WorkingDir: "/var/task",
    },
    layers: [
      await nodeRuntimeLayer(),
      { entries: await filesOf(modules, ["aws-lambda-ric/*.{mjs,json,node}"], "/var/task/node_modules") },
      { entries: await filesOf(join(runtimesSource, "node"), ["*.mjs", "*.cjs"], "/var/task") },
    ],
  };
}

/** Path of an archive with the custom runtime of AWS's tutorial: a shell script that uses curl. */
export async function providedArchive(): Promise<string> {
  return archive("runtime-provided", {
    name: providedImage,
    config: { Entrypoint: ["/var/runtime/bootstrap"], Cmd: ["function.handler"], Env: ["PATH=/usr/bin:/bin"] },
    layers: [
      baseLayer(),
      busyboxLayer(["sh", "sed", "rm", "mktemp"]),
      await programLayer("/usr/bin/curl"),
      {
        entries: [
          {
            type: "copy",
            path: "/var/runtime/bootstrap",
            source: join(runtimesSource, "shell/bootstrap"),
            mode: 0o755,
          },
        ],
      },
    ],
  });
}

async function archive(name: string, image: ImageDescription): Promise<string> {
  const path = join(cache, `${name}.tar`);
  await buildCached(image, path);
  return path;
}
