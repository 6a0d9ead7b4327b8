import { join } from "node:path";
import type { ImageDescription } from "../../scripts/image/archive.ts";
import { buildCached } from "../../scripts/image/cached.ts";
import { helloImage } from "../../scripts/image/hello.ts";
import { baseLayer, busyboxLayer, nodeRuntimeLayer } from "../../scripts/image/layers.ts";

import { compiled } from "./compiled.ts";
import { packagesLayer } from "./packages.ts";

const root = join(import.meta.dirname, "../..");
const cache = join(root, ".cache/images");
const fixtures = join(root, "test/fixtures");

export const staticServerImage = "localhost/esb-static:latest";
export const staticRuntimeImage = "localhost/esb-static-runtime:latest";
export const staticExtensionImage = "localhost/esb-static-extension:latest";
export const probeImage = "localhost/esb-probe:latest";
export const callerImage = "localhost/esb-caller:latest";
export const logsImage = "localhost/esb-logs:latest";
export const servicesImage = "localhost/esb-services:latest";
export const helloImageName = "localhost/esb-hello:latest";

/** Path of an archive of the static HTTP server: one layer with one file; answers within a millisecond of its start. */
export async function staticServerArchive(): Promise<string> {
  return archive("static", {
    name: staticServerImage,
    config: { Entrypoint: ["/server"] },
    layers: [{ entries: [{ type: "copy", path: "/server", source: await staticServer(), mode: 0o755 }] }],
  });
}

/** Path of an archive of the static runtime: a function that asks the Runtime API for invocations, and nothing else. */
export async function staticRuntimeArchive(): Promise<string> {
  return archive("static-runtime", await staticRuntime(staticRuntimeImage, "/var/runtime/bootstrap"));
}

/** Path of an archive of the same with an external extension. */
export async function staticExtensionArchive(): Promise<string> {
  const paths = ["/var/runtime/bootstrap", "/opt/extensions/lingerer"];
  return archive("static-extension", await staticRuntime(staticExtensionImage, ...paths));
}

/** The one program at each path, by which it knows what it is. */
async function staticRuntime(name: string, ...paths: string[]): Promise<ImageDescription> {
  const source = await compiled("static-runtime", "static-runtime/runtime.c");
  return {
    name,
    config: { Entrypoint: ["/var/runtime/bootstrap"] },
    layers: [{ entries: paths.map((path) => ({ type: "copy", path, source, mode: 0o755 })) }],
  };
}

/** Path of an archive of the probe: a Node server that tells what it sees from inside; busybox is with it. */
export async function probeArchive(): Promise<string> {
  const files = ["server.mjs", "operations.mjs"];
  return archive("probe", {
    name: probeImage,
    config: {
      Entrypoint: ["/usr/local/bin/node", "/var/task/server.mjs"],
      Env: ["PATH=/usr/local/bin:/usr/bin:/bin", "FROM_IMAGE=yes"],
      WorkingDir: "/var/task",
    },
    layers: [
      await nodeRuntimeLayer(),
      busyboxLayer(["sh", "sleep", "true", "false", "cat", "ls", "id", "mount", "nslookup"]),
      {
        entries: files.map((name) => ({
          type: "copy",
          path: `/var/task/${name}`,
          source: join(fixtures, "probe", name),
        })),
      },
    ],
  });
}

/** Path of an archive of a function that calls others with the AWS SDK. */
export async function callerArchive(): Promise<string> {
  return archive("caller", {
    name: callerImage,
    config: { Entrypoint: ["/usr/local/bin/node", "/var/task/server.mjs"], WorkingDir: "/var/task" },
    layers: [
      await nodeRuntimeLayer(),
      await packagesLayer("@aws-sdk/client-lambda"),
      { entries: [{ type: "copy", path: "/var/task/server.mjs", source: join(fixtures, "caller/server.mjs") }] },
    ],
  });
}

/** Path of an archive of a function that uses S3, DynamoDB and Lambda with the AWS SDK. */
export async function servicesArchive(): Promise<string> {
  const clients = ["client-s3", "s3-request-presigner", "client-dynamodb", "client-lambda"];
  return archive("services", {
    name: servicesImage,
    config: { Entrypoint: ["/usr/local/bin/node", "/var/task/server.mjs"], WorkingDir: "/var/task" },
    layers: [
      await nodeRuntimeLayer(),
      await packagesLayer(...clients.map((name) => `@aws-sdk/${name}`)),
      { entries: [{ type: "copy", path: "/var/task/server.mjs", source: join(fixtures, "services/server.mjs") }] },
    ],
  });
}

/** Path of an archive of a function that speaks to CloudWatch Logs with the AWS SDK. */
export async function logsArchive(): Promise<string> {
  return archive("logs", {
    name: logsImage,
    config: { Entrypoint: ["/usr/local/bin/node", "/var/task/server.mjs"], WorkingDir: "/var/task" },
    layers: [
      await nodeRuntimeLayer(),
      await packagesLayer("@aws-sdk/client-cloudwatch-logs"),
      { entries: [{ type: "copy", path: "/var/task/server.mjs", source: join(fixtures, "logs/server.mjs") }] },
    ],
  });
}

/** Path of an archive with busybox only, for commands such as `sh -c 'exit 3'`. */
export async function busyboxArchive(): Promise<string> {
  return archive("busybox", {
    name: "localhost/esb-busybox:latest",
    config: { Cmd: ["/bin/sh"], Env: ["PATH=/bin"] },
    layers: [baseLayer(), busyboxLayer(["sh", "sleep", "true", "false", "cat", "ls", "id", "httpd"])],
  });
}

/** Path of an archive of the example function. */
export async function helloArchive(): Promise<string> {
  return archive("hello", await helloImage());
}

async function archive(name: string, image: ImageDescription): Promise<string> {
  const path = join(cache, `${name}.tar`);
  await buildCached(image, path);
  return path;
}

/** Path of the compiled static server. */
export function staticServer(): Promise<string> {
  return compiled("static-server", "static-server/server.c");
}
