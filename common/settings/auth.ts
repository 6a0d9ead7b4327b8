import { z } from "zod";
import { absolutePath, list, whole } from "./schemas.ts";
import { setting } from "./setting.ts";

/** Who may call: API keys, users, tokens, Lambda's own API. */
export const authSettings = {
  ESB_LAMBDA_AUTH: setting(z.enum(["auto", "open", "required", "off"]), {
    default: "auto",
    usedBy: ["gateway"],
    description:
      "Lambda's API (`/2015-03-31/...`): `open` to everybody; `required`: a token, an API key or a SigV4 signature; `off`: closed to all but workers; `auto`: open to loopback clients in development, else required.",
  }),
  ESB_AUTH_FILE: setting(absolutePath, {
    secret: true, // Its content may have been put here by a slip, as in ESB_JWT_KEYS and ESB_TLS_KEY.
    usedBy: ["gateway"],
    description: "YAML file with API keys, users and access keys; read again when it changes.",
  }),
  ESB_API_KEY: setting(z.string().min(16, "must be 16 characters or longer"), {
    secret: true,
    usedBy: ["gateway", "scripts"],
    description: "An API key, beside those of ESB_AUTH_FILE.",
  }),
  ESB_AUTH_USER: setting(z.string().min(1), {
    usedBy: ["gateway", "scripts"],
    description: "Name of a user, beside those of ESB_AUTH_FILE.",
  }),
  ESB_AUTH_PASSWORD: setting(z.string().min(8, "must be 8 characters or longer"), {
    secret: true,
    usedBy: ["gateway", "scripts"],
    description: "Password of ESB_AUTH_USER.",
  }),
  ESB_AWS_ACCESS_KEY_ID: setting(z.string().regex(/^\w{16,128}$/, "must be 16 to 128 letters and digits"), {
    secret: true, // It may be the other one by a slip.
    usedBy: ["gateway"],
    description: "Access key id with which SDKs may sign (SigV4), beside those of ESB_AUTH_FILE.",
  }),
  ESB_AWS_SECRET_ACCESS_KEY: setting(z.string().min(16, "must be 16 characters or longer"), {
    secret: true,
    usedBy: ["gateway"],
    description: "Secret of ESB_AWS_ACCESS_KEY_ID.",
  }),
  ESB_JWT_KEYS: setting(absolutePath, {
    secret: true,
    usedBy: ["gateway"],
    description:
      "JSON Web Key Set with the private keys (ES256) or secrets (HS256) of tokens; the first signs, all are accepted. Read again when it changes.",
  }),
  ESB_JWT_SECRET: setting(z.string().min(32, "must be 32 characters or longer"), {
    secret: true,
    usedBy: ["gateway"],
    description: "Secret that signs tokens (HS256), in place of ESB_JWT_KEYS.",
  }),
  ESB_JWT_ISSUER: setting(z.string().min(1), {
    default: "esb",
    usedBy: ["gateway"],
    description: "Issuer (`iss`) of our tokens.",
  }),
  ESB_JWT_AUDIENCE: setting(z.string().min(1), {
    default: "esb",
    usedBy: ["gateway"],
    description: "Audience (`aud`) of our tokens.",
  }),
  ESB_JWT_TTL_SECONDS: setting(whole(1, 31_536_000), {
    default: "3600",
    usedBy: ["gateway"],
    description: "How long our tokens are valid.",
  }),
  ESB_JWT_EXTERNAL_ISSUER: setting(z.url({ protocol: /^https?$/, error: "must be a URL" }), {
    usedBy: ["gateway"],
    description:
      "Issuer whose tokens are accepted, such as a Cognito user pool or a Keycloak realm; its keys are found by OpenID Connect discovery. Ours are accepted beside them only where ESB_JWT_KEYS or ESB_JWT_SECRET is set.",
  }),
  ESB_JWT_EXTERNAL_AUDIENCE: setting(list, {
    default: "",
    usedBy: ["gateway"],
    description:
      "Audiences (`aud`, or `client_id` of access tokens) that ESB_JWT_EXTERNAL_ISSUER's tokens may have, separated by commas; needed with it.",
  }),
  ESB_JWT_EXTERNAL_JWKS: setting(z.url({ protocol: /^https?$/, error: "must be a URL" }), {
    usedBy: ["gateway"],
    description: "Where ESB_JWT_EXTERNAL_ISSUER's keys are, when it has no discovery document.",
  }),
} as const;
