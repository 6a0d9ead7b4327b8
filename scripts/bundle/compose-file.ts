import { stringify } from "yaml";
import type { Service } from "./contents.ts";

/**
 * The compose file that is laid over the others in a bundle: each service has the very image that is packed, nothing is
 * built or pulled, and a service that was chosen by its profile needs none to run.
 */
export function bundleComposeFile(services: readonly Service[]): string {
  const entries = services.map(({ name, image }) => [
    name,
    { image, pull_policy: "never", build: "RESET null", profiles: "RESET []" },
  ]);
  const text = stringify({ services: Object.fromEntries(entries) });
  // Compose's own tag takes away what stands in the files before.
  return `# Made by scripts/bundle.ts.\n${text.replaceAll(/: RESET (.+)$/gm, ": !reset $1")}`;
}
