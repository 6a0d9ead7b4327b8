import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { parse } from "yaml";
import { buildVictoriaLogs } from "../../../scripts/victoria-logs/build.ts";
import { packageFolders } from "../packages.ts";
import type { DockerEngine } from "./engine.ts";

const root = join(import.meta.dirname, "../../..");
const dockerfiles = join(root, "deploy/docker");

/** Services: fauxqs, dynalite, VictoriaLogs itself, and Debian's docker-registry. */
export const services = ["s3", "dynamodb", "logs", "registry"] as const;

/** Builds the stand-ins under the very names that compose.services.yaml uses. */
export async function buildServiceImages(engine: DockerEngine): Promise<void> {
  const { services: described } = parse(await readFile(join(root, "deploy/compose.services.yaml"), "utf8"), {
    merge: true,
  });
  const node = /^ARG NODE=(\S+)$/m.exec(await readFile(join(dockerfiles, "esb.Dockerfile"), "utf8"))?.[1] ?? "";
  const context = join(engine.dir, "service-images");
  await mkdir(context);
  // As they import each other.
  for (const path of ["docker/services", "services", "port.ts"]) {
    await cp(join(root, "test/support", path), join(context, "support", path), { recursive: true });
  }
  await writeFile(join(context, "package.json"), '{"type":"module"}');
  for (const folder of await packageFolders("fauxqs", "dynalite")) {
    await cp(folder, join(context, relative(root, folder)), { recursive: true });
  }
  await cp(await buildVictoriaLogs(), join(context, "victoria-logs"));
  for (const target of services) {
    const from = [
      "--file",
      join(context, "support/docker/services/Dockerfile"),
      "--target",
      target,
      "--build-arg",
      `NODE=${node}`,
    ];
    await engine.build(["build", ...from, "--tag", described[target].image, context]);
  }
}
