import { z } from "zod";
import { absolutePath, grpcAddress, identifier } from "./schemas.ts";
import { setting } from "./setting.ts";

/** The agent: where it listens, the containerd it works with, and where it keeps its state. */
export const agentSettings = {
  ESB_AGENT_ADDRESS: setting(grpcAddress, {
    default: "127.0.0.1:50051",
    usedBy: ["agent", "gateway", "scripts"],
    description: "Where the agent's gRPC service listens: `host:port` or `unix:///path`.",
  }),
  ESB_AGENT_REFLECTION: setting(z.enum(["on", "off"]), {
    default: "off",
    usedBy: ["agent"],
    description: "gRPC server reflection, for tools such as grpcurl.",
  }),
  ESB_NAMESPACE: setting(identifier.max(76), {
    default: "esb",
    usedBy: ["agent", "scripts"],
    description: "containerd namespace of workers and images.",
  }),
  ESB_CONTAINERD_ADDRESS: setting(absolutePath, {
    default: "/run/containerd/containerd.sock",
    usedBy: ["agent", "scripts"],
    description: "containerd's socket.",
  }),
  ESB_STATE_DIR: setting(absolutePath, {
    default: "/var/lib/esb",
    usedBy: ["agent", "gateway", "scripts"],
    description: "State that outlives a reboot.",
  }),
  ESB_RUN_DIR: setting(absolutePath, {
    default: "/run/esb",
    usedBy: ["agent", "gateway", "scripts"],
    description:
      "State that a reboot may clear: sockets, pid files, worker files; and which workers have a request, for a gateway that starts anew.",
  }),
} as const;
