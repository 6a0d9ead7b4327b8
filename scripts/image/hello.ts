import { join } from "node:path";
import type { ImageDescription } from "./archive.ts";
import { nodeRuntimeLayer } from "./layers.ts";

export const helloName = "localhost/esb-hello:latest";

/** The example function of deploy/functions/hello, without Docker and without a registry. */
export async function helloImage(): Promise<ImageDescription> {
  const source = join(import.meta.dirname, "../../deploy/functions/hello");
  const files = ["index.mjs", "server.mjs"];
  return {
    name: helloName,
    config: {
      Entrypoint: ["/usr/local/bin/node", "/var/task/server.mjs"],
      Env: ["PATH=/usr/local/bin:/usr/bin:/bin"],
      WorkingDir: "/var/task",
    },
    layers: [
      await nodeRuntimeLayer(),
      { entries: files.map((name) => ({ type: "copy", path: `/var/task/${name}`, source: join(source, name) })) },
    ],
  };
}
