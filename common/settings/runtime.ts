import { z } from "zod";
import { identifier } from "./schemas.ts";
import { setting } from "./setting.ts";

/** How workers become containers: snapshotter, runtime and shims. */
export const runtimeSettings = {
  ESB_SNAPSHOTTER: setting(identifier, {
    default: "overlayfs",
    usedBy: ["agent"],
    description: "containerd snapshotter for root file systems.",
  }),
  ESB_RUNTIME: setting(z.string().min(1), {
    default: "io.containerd.runc.v2",
    usedBy: ["agent"],
    description: "containerd runtime of the workers.",
  }),
  ESB_RUNTIME_OPTIONS: setting(
    z.string().transform((text, context) => {
      try {
        return z.record(z.string(), z.union([z.string(), z.boolean(), z.number()])).parse(JSON.parse(text));
      } catch {
        context.addIssue({ code: "custom", message: "must be a JSON object of strings, numbers and booleans" });
        return z.NEVER;
      }
    }),
    {
      default: "{}",
      usedBy: ["agent"],
      description:
        'Options of the runtime as a JSON object. For runc-compatible runtimes the fields of containerd.runc.v1.Options (`{"binary_name":"crun"}`); for others `config_path` and `type_url`.',
    },
  ),
  ESB_CGROUP_ROOT: setting(z.string().startsWith("/"), {
    default: "/sys/fs/cgroup",
    usedBy: ["agent"],
    description: "Where the control groups of containerd's containers are seen; what is frozen is read there.",
  }),
  ESB_SHIM_SHARING: setting(z.enum(["none", "function"]), {
    default: "none",
    usedBy: ["agent"],
    description:
      "`function`: the workers of one function share a containerd shim, which saves memory; they then share its failure.",
  }),
  RUNTIME_TYPE: setting(z.enum(["containerd"]), {
    default: "containerd",
    usedBy: ["agent"],
    description: "Backend that runs the workers.",
  }),
} as const;
