import { z } from "zod";
import { addresses, list, portOrNone, portRange, ports, whole } from "./schemas.ts";
import { setting } from "./setting.ts";

/** The workers' network. */
export const networkSettings = {
  ESB_NETWORK: setting(z.enum(["cni", "host"]), {
    default: "cni",
    usedBy: ["agent", "scripts"],
    description:
      "`cni`: each worker has its own network namespace; `host`: workers share the host's network, one port each.",
  }),
  LAMBDA_NETWORK: setting(
    z.string().regex(/^[a-z][a-z0-9-]{0,9}$/, "must be at most 10 of a-z, 0-9 and -, a letter first"),
    {
      default: "esb",
      usedBy: ["agent", "scripts"],
      description: "Name of the CNI network; its bridge is this name with a 0 behind it.",
    },
  ),
  ESB_SUBNET: setting(z.cidrv4("must be an IPv4 subnet such as 10.63.0.0/16"), {
    default: "10.63.0.0/16",
    usedBy: ["agent", "scripts"],
    description: "The workers' subnet.",
  }),
  ESB_IDENTITY_SUBNET: setting(z.cidrv4("must be an IPv4 subnet such as 240.0.0.0/8"), {
    default: "240.0.0.0/8",
    usedBy: ["agent", "scripts"],
    description:
      "Range of the addresses that invocations go to: each worker ever made has one of its own, beside its address in ESB_SUBNET. Only this host sees them.",
  }),
  ESB_CNI_CONF: setting(z.string().min(1), {
    default: "cni/esb.conflist",
    usedBy: ["agent"],
    description: "CNI configuration list; name, bridge, subnet and data folder are filled in from the other settings.",
  }),
  ESB_CNI_BIN_DIR: setting(list, {
    default: "/opt/cni/bin,/usr/lib/cni",
    usedBy: ["agent", "scripts"],
    description: "Folders with CNI plugins, separated by commas; the first that has a plugin wins.",
  }),
  ESB_NETWORK_POOL: setting(whole(0, 64), {
    default: "4",
    usedBy: ["agent"],
    description: "Network namespaces that are attached ahead of need.",
  }),
  ESB_HOST_PORTS: setting(portRange, {
    default: "20000-20999",
    usedBy: ["agent"],
    description: "Ports for workers when ESB_NETWORK is host.",
  }),
  ESB_WORKER_API_PORT: setting(portOrNone, {
    default: "8372",
    usedBy: ["agent", "gateway"],
    description:
      "Port at which workers reach Lambda's API, so that functions can call functions; the gateway listens there on the workers' bridge only, and nothing else of the host is open to workers. 0: they cannot.",
  }),
  ESB_WORKER_API_PORTS: setting(ports, {
    usedBy: ["agent"],
    description:
      "With several gateways on one machine: the ESB_WORKER_API_PORT of each of them, separated by commas. Not set: the agent's own ESB_WORKER_API_PORT.",
  }),
  ESB_DNS: setting(addresses, {
    default: "",
    usedBy: ["agent"],
    description: "Name servers of the workers, separated by commas; empty: those of the host that a worker can reach.",
  }),
} as const;
