import type { DockerEngine } from "./engine.ts";

/**
 * Override files that this machine needs: where it lacks a capability itself, it can give no container all of them, and
 * the node has to do with those that compose.unprivileged.yaml lists.
 */
export async function privilegedOverride(engine: DockerEngine): Promise<readonly string[]> {
  const [image = ""] = (await engine.docker(["images", "--format", "{{.Repository}}:{{.Tag}}", "debian"])).split("\n");
  try {
    await engine.docker(["run", "--rm", "--privileged", image, "true"]);
    return [];
  } catch {
    return ["compose.unprivileged.yaml"];
  }
}
