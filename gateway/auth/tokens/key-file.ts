import { z } from "zod";
import { ConfigurationError } from "../../../common/environment.ts";
import { type Problem, parseYaml } from "../../files/yaml.ts";
import { importKey, type KeyRing, type PublicJwk, type SigningKey, type VerificationKey } from "./key-ring.ts";

const coordinate = z.string("must be text").regex(/^[\w-]{43}$/, "must be 32 bytes in base64url");
const leastSecretBytes = 32;

const shared = {
  kid: z.string("must be text").min(1, "must not be empty").optional(),
  use: z.literal("sig", "must be sig").optional(),
};

const ecSchema = z.looseObject({
  ...shared,
  kty: z.literal("EC"),
  crv: z.literal("P-256", "must be P-256"),
  alg: z.literal("ES256", "must be ES256").optional(),
  x: coordinate,
  y: coordinate,
  d: coordinate.optional(),
});

const secretSchema = z.looseObject({
  ...shared,
  kty: z.literal("oct"),
  alg: z.literal("HS256", "must be HS256").optional(),
  k: z
    .string("must be text")
    .refine(
      (text) => /^[\w-]+$/.test(text) && Buffer.from(text, "base64url").length >= leastSecretBytes,
      "must be 32 bytes or more in base64url",
    ),
});

const keySetSchema = z.looseObject(
  {
    keys: z
      .array(
        z.discriminatedUnion("kty", [ecSchema, secretSchema], "must be a key; expected kty EC (ES256) or oct (HS256)"),
        "must be a list of keys",
      )
      .min(1, "must have a key"),
  },
  'must be a JSON Web Key Set; expected { "keys": [...] }',
);

/**
 * Reads ESB_JWT_KEYS: a JSON Web Key Set (RFC 7517) whose first key signs.
 * @param path how the file is named in messages
 * @throws (rejects with) ConfigurationError with a line for each mistake; none repeats what the file says
 */
export async function parseKeyRing(text: string, path: string): Promise<KeyRing> {
  // JSON is YAML as well, and this reader knows where things stand.
  const { value, refuse } = parseYaml(text, {
    path,
    secret: true,
    lookup: () => undefined,
    schema: keySetSchema,
    expectedKeys: () => [],
    isText: () => true,
  });
  const problems: Problem[] = [];
  const keys: VerificationKey[] = [];
  const published: PublicJwk[] = [];
  let signer: SigningKey | undefined;
  for (const [index, jwk] of value.keys.entries()) {
    try {
      const { published: shown, signingKey, ...key } = await importKey(jwk);
      if (keys.some(({ kid }) => kid === key.kid)) throw new Error("its kid is there twice");
      keys.push(key);
      if (shown !== undefined) published.push(shown);
      if (index === 0 && signingKey !== undefined) signer = { ...key, signingKey };
    } catch (error) {
      // Of the library's own words none, since they could repeat the key.
      const why =
        error instanceof Error && error.message.startsWith("its kid") ? error.message : "the key is not valid";
      problems.push({ path: ["keys", String(index)], message: why });
    }
  }
  if (signer === undefined && problems.length === 0) {
    problems.push({ path: ["keys", "0"], message: "must be a private key (d), since the first key signs" });
  }
  refuse(problems);
  if (signer === undefined) throw new ConfigurationError(`${path}: no key signs`);
  return { signer, keys, published };
}
