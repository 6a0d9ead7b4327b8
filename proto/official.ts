/** Where containerd's own proto files lie, and how they import each other. */
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import type { ResolveImport } from "./facts.ts";

const debianFolder = "/usr/share/gocode/src/github.com/containerd/containerd";
const installHint = "apt-get install golang-github-containerd-containerd-dev";

/** Beside containerd's `api` folder. Several places for one file: containerd 1.6, then later ones. */
const otherFiles = [
  ["runtime/v2/runc/options/oci.proto", "api/types/runc/options/oci.proto"],
  ["pkg/runtimeoptions/v1/api.proto", "api/types/runtimeoptions/v1/api.proto"],
  ["../cgroups/stats/v1/metrics.proto", "../cgroups/cgroup1/stats/metrics.proto"],
  ["../cgroups/v2/stats/metrics.proto", "../cgroups/cgroup2/stats/metrics.proto"],
];

const imports: readonly [prefix: string, folder: string | null][] = [
  ["github.com/containerd/containerd/", "."],
  ["google/rpc/", "../../gogo/googleapis/google/rpc"],
  // Only options for Go code, which say nothing about the wire.
  ["gogoproto/", null],
  ["github.com/gogo/protobuf/gogoproto/", null],
  ["github.com/containerd/containerd/protobuf/plugin/", null],
  ["github.com/containerd/containerd/api/types/fieldpath.proto", null],
];

/** Files to load and how to follow their imports. */
export interface OfficialProtos {
  readonly files: readonly string[];
  readonly resolveImport: ResolveImport;
}

/**
 * The official files below `folder`, a copy of containerd's sources in a Go source tree.
 *
 * @throws when any is missing, with the way to install it: a comparison with nothing would always succeed.
 */
export function officialProtos(folder = process.env.ESB_CONTAINERD_PROTOS ?? debianFolder): OfficialProtos {
  const api = globSync("api/**/*.proto", { cwd: folder, exclude: ["**/fieldpath.proto"] }).sort();
  if (api.length === 0) throw new Error(`containerd's proto files are not in ${folder}; install them: ${installHint}`);
  const others = otherFiles.map((places) => {
    const place = places.find((path) => existsSync(join(folder, path)));
    if (place === undefined) throw new Error(`${folder} has no ${places.join(" or ")}; install it: ${installHint}`);
    return place;
  });
  const files = [...new Set([...api, ...others])].map((path) => join(folder, path));
  return { files, resolveImport: (target) => resolveOfficialImport(folder, target) };
}

function resolveOfficialImport(folder: string, target: string): string | null {
  const matching = imports.filter(([prefix]) => target.startsWith(prefix));
  const [longest] = matching.sort(([a], [b]) => b.length - a.length);
  if (longest === undefined) throw new Error(`containerd imports ${target}, and it is not known where that lies`);
  const [prefix, place] = longest;
  return place === null ? null : join(folder, place, target.slice(prefix.length));
}
