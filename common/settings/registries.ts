import { absolutePath, list } from "./schemas.ts";
import { setting } from "./setting.ts";

/** Where images are pulled from. */
export const registriesSettings = {
  ESB_INSECURE_REGISTRIES: setting(list, {
    default: "127.0.0.1:5010",
    usedBy: ["agent"],
    description:
      "Registries (`host` or `host:port`) that may be spoken to over plain HTTP, separated by commas. The default is that of deploy/compose.services.yaml, on this machine's loopback.",
  }),
  ESB_REGISTRY_CA: setting(absolutePath, {
    usedBy: ["agent"],
    description: "PEM file with further certificate authorities of registries.",
  }),
  ESB_REGISTRY_AUTH: setting(absolutePath, {
    usedBy: ["agent"],
    description: "Credentials of registries, in the format of docker's config.json (`auths`).",
  }),
} as const;
