import { join } from "node:path";
import type { ImageDescription } from "./archive.ts";
import { functionRuntimeLayer, nodeRuntimeLayer } from "./layers.ts";

export const helloName = "localhost/esb-hello:latest";

/** The example function of deploy/functions/hello, without Docker and without a registry. */
export async function helloImage(): Promise<ImageDescription> {
  const source = join(import.meta.dirname, "../../deploy/functions/hello/index.mjs");
  return {
    name: helloName,
    config: {
      Entrypoint: ["/usr/local/bin/node", "/var/runtime/bootstrap.mjs"],
      Cmd: ["index.handler"],
      Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "LAMBDA_RUNTIME_DIR=/var/runtime"],
      WorkingDir: "/var/task",
    },
    layers: [
      await nodeRuntimeLayer(),
      await functionRuntimeLayer(),
      { entries: [{ type: "copy", path: "/var/task/index.mjs", source }] },
    ],
  };
}
